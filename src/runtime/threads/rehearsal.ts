import type { Clock } from '../../clock/clock.ts';
import { monotonicClock } from '../../clock/monotonic.ts';
import type { Link } from '../../link/link.ts';
import { createLine } from '../../link/line.ts';
import { ringLink } from '../../link/ring-link.ts';
import { createRing, emptyRing } from '../../link/ring.ts';
import { Doorbell } from '../../memory/doorbell.ts';
import { destination } from '../../migration/destination.ts';
import type { Algorithm } from '../../migration/ports.ts';
import type { RunConfig } from '../config.ts';
import { recoveryOf, sourceAlgorithm, sourceOptions } from '../../migration/spec/wiring.ts';
import type { LogConfig } from '../common/guest-side.ts';
import { GeneratorDriver } from '../common/driver.ts';
import { ownKinds } from '../common/own-kinds.ts';
import { blockAndStep, drive, type DriverParts } from './driver.ts';
import { REHEARSED_PAGES, REHEARSED_PAGE_SIZE, rehearsedGuest } from './rehearsed-guest.ts';

/** Long enough for V8's optimising compilers to have seen the whole path many times. */
const REHEARSE_NS = 400e6;
/** The compilers work in threads of their own, which two engines at work leave no core. */
const WORK_NS = 30e6;
const REST_MS = 10;
/** One of the two worlds lives so much faster: policies see their windows go by. */
const HASTE = 10;
/** A policy's own limit is one that a rehearsal doesn't have to wait for. */
const REHEARSED_MBIT = 1e6;

/** Looks at the doorbell before a nap, and how long that is: just long enough for a driver to sleep. */
const SPINS = 20;
const SHORT_NAP_NS = 40e3;

/** A rehearsed migration takes some hundred turns. */
const MOST_TURNS = 1_000_000;

type Config = Pick<RunConfig, 'link' | 'migration'>;

let hasRehearsed = false;

/**
 * Plays the migration that is about to come, tiny and within this thread, over and over. Without it
 * the first round, and the whole downtime, which runs once, would measure V8's interpreter and
 * compilers. What plays is of the same classes and shapes as in a run, in two worlds by turns, or V8
 * would throw away what it has compiled when the real objects come. Nothing of the real guest is
 * touched; a pooled thread does it once. Throws when a migration fails: what comes is then not
 * rehearsed, and no worse for it.
 */
export function rehearse(config: Config, log: LogConfig): void {
  if (hasRehearsed) return;
  hasRehearsed = true;
  const clock = monotonicClock();
  const worlds = [worldOf(config, log, clock), worldOf(config, log, hasty(clock))];
  const idle = new Int32Array(new SharedArrayBuffer(4));
  let restAtNs = WORK_NS;
  while (clock.now() < REHEARSE_NS) {
    for (const play of worlds) play();
    if (clock.now() < restAtNs) continue;
    Atomics.wait(idle, 0, 0, REST_MS);
    restAtNs = clock.now() + WORK_NS;
  }
}

export const hasty = (clock: Clock): Clock => ({ now: () => clock.now() * HASTE });

/** A function that plays one migration from its begin to its end; throws when it does not come to it. */
export function worldOf(config: Config, log: LogConfig, clock: Clock): () => void {
  const guest = rehearsedGuest(log, clock);
  const rings = [createRing(1024 * 1024), createRing(1024 * 1024)] as const;
  const line = createLine();
  const bells = new Int32Array(new SharedArrayBuffer(2 * Doorbell.WORDS * 4));
  const doorbells = [0, 1].map((side) => new Doorbell(bells, side * Doorbell.WORDS));
  // Those who watch a migration give it up when it takes too long, by a clock that is in haste here.
  const { manager: _manager, kubevirt: _kubevirt, ...unwatched } = config.migration;
  const migration = {
    ...unwatched,
    maxBytesPerSecond: Infinity,
    timeoutNs: Infinity,
    postcopyBytesPerSecond: Infinity,
    startMbit: REHEARSED_MBIT,
    maxMbit: REHEARSED_MBIT,
  };
  const { recoverWithinNs: _recoverWithinNs, ...final } = migration;
  const link = { ...config.link, bytesPerSecond: Infinity };
  const shape = { pages: REHEARSED_PAGES, pageSize: REHEARSED_PAGE_SIZE };
  let watched = 0;
  const watch = (): void => void watched++;
  return () => {
    // The one before has left its last frames unreleased.
    for (const ring of rings) emptyRing(ring);
    const [near, far] = (['near', 'far'] as const).map((side, i) =>
      ringLink({
        clock,
        outgoing: rings[i]!,
        incoming: rings[1 - i]!,
        peerDoorbell: doorbells[1 - i]!,
        bytesPerSecond: Infinity,
        latencyNs: 0,
        line: { shared: line, side },
      }),
    ) as [Link, Link];
    const { source, target, step } = guest.fresh();
    const options = sourceOptions(link, migration, shape);
    const sending = sourceAlgorithm(
      { clock, link: near, guest: source, watch, options },
      migration,
      ownKinds,
    );
    // Of the same shape as a real one's, but it doesn't stay until the source is gone.
    const receiving = destination({ clock, link: far, guest: target, ...recoveryOf(final) });
    const partsOf = (side: 0 | 1, end: Link, isGuestSettled: () => boolean): DriverParts => ({
      clock,
      link: end,
      doorbell: doorbells[side]!,
      isGuestSettled,
      isCancelled: () => false,
      isAborted: () => false,
      spins: () => SPINS,
    });
    const parts = [
      partsOf(0, near, () => source.isSettled()),
      partsOf(1, far, () => target.isSettled()),
    ] as const;
    playBoth(step, half(sending, parts[0]), half(receiving, parts[1]));
    // Nobody blocks in all that; here somebody does, until its time has come.
    for (const one of parts) drive(nap(clock.now() + SHORT_NAP_NS), one);
  };
}

/** An algorithm that waits until its time has come. */
function* nap(untilNs: number): Algorithm<void> {
  yield { frame: true, untilNs };
}

interface HalfEnd {
  readonly outcome: string;
  readonly error?: string;
}

type Half = () => HalfEnd | undefined;

/** Lets the vCPU and the two halves take turns until the halves are over. */
function playBoth(step: () => void, ...halves: readonly Half[]): void {
  for (let turn = 0; ; turn++) {
    if (turn > MOST_TURNS) throw new Error('a rehearsal does not end');
    step();
    const ends = halves.map((go) => go());
    const failed = ends.find((end) => end !== undefined && end.outcome !== 'completed');
    if (failed) throw new Error(`a rehearsal failed: ${failed.error}`);
    if (ends.every((end) => end !== undefined)) return;
  }
}

/** A function that lets one half run until it waits for nothing that is there; its end once it is over. */
function half<Result extends HalfEnd>(
  algorithm: Algorithm<Result>,
  parts: DriverParts,
): () => Result | undefined {
  const driver = new GeneratorDriver(algorithm, parts);
  driver.begin();
  return () => {
    while (!driver.isOver) {
      if (!driver.hasNews(parts.clock.now())) return undefined;
      blockAndStep(driver, parts);
    }
    return driver.result;
  };
}
