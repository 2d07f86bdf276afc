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

/** This is long enough for V8's optimising compilers to have seen the whole path many times. */
const REHEARSE_NS = 400e6;
/**
 * V8's compilers work in threads of their own, and two engines at work leave them no core; so a rehearsal rests
 * for `REST_MS` after each `WORK_NS`.
 */
const WORK_NS = 30e6;
const REST_MS = 10;
/** The clock of one of the two worlds runs so much faster, so that policies see their time windows pass. */
const HASTE = 10;
/** A policy's own rate limit is so high that a rehearsal never waits for it. */
const REHEARSED_MBIT = 1e6;

/** A rehearsing thread polls its doorbell so often before it sleeps. */
const SPINS = 20;
/** A nap is just long enough for a driver to sleep and not to poll. */
const SHORT_NAP_NS = 40e3;

/** A rehearsed migration takes some hundred turns, so one that takes this many never ends. */
const MOST_TURNS = 1_000_000;

type Config = Pick<RunConfig, 'link' | 'migration'>;

let hasRehearsed = false;

/**
 * Plays a tiny copy of the coming migration within this thread, over and over. Without that the first round, and
 * the downtime, whose code runs only once, would measure V8's interpreter and compilers. The objects are of the
 * same classes and shapes as in a run, and two worlds take turns; otherwise V8 would throw its compiled code away
 * when the real objects come. The real guest is not touched. Each thread of a pool rehearses once. Throws an Error
 * when a rehearsed migration fails; the real one can run nevertheless.
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

/** Returns a clock that runs HASTE times as fast as another. */
export const hasty = (clock: Clock): Clock => ({ now: () => clock.now() * HASTE });

/** Returns a function that plays one migration from beginning to end, and throws an Error when the migration fails. */
export function worldOf(config: Config, log: LogConfig, clock: Clock): () => void {
  const guest = rehearsedGuest(log, clock);
  const rings = [createRing(1024 * 1024), createRing(1024 * 1024)] as const;
  const line = createLine();
  const bells = new Int32Array(new SharedArrayBuffer(2 * Doorbell.WORDS * 4));
  const doorbells = [0, 1].map((side) => new Doorbell(bells, side * Doorbell.WORDS));
  // A manager gives up a migration that takes too long, which it might seem to do on the fast clock.
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
  let watchCalls = 0;
  const watch = (): void => void watchCalls++;
  return () => {
    // The migration before has left its last frames in the rings.
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
    // The receiver has the shape of a real one, but it doesn't wait until the source is gone.
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
    // No driver blocks while both play, so each blocks here once, until the nap is over.
    for (const one of parts) drive(nap(clock.now() + SHORT_NAP_NS), one);
  };
}

/** An algorithm that waits until a point in time, and ends. */
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
    if (turn > MOST_TURNS) throw new Error('a rehearsed migration does not end');
    step();
    const ends = halves.map((go) => go());
    const failed = ends.find((end) => end !== undefined && end.outcome !== 'completed');
    if (failed) throw new Error(`a rehearsed migration failed: ${failed.error}`);
    if (ends.every((end) => end !== undefined)) return;
  }
}

/** Returns a function that runs one half as far as it can go now, and returns the half's result once it is over. */
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
