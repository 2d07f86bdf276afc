import type { Clock } from '../../clock/clock.ts';
import { monotonicClock } from '../../clock/monotonic.ts';
import { planMemory } from '../../guest/memory-plan.ts';
import { writePlan } from '../../guest/stream-record.ts';
import type { Workload } from '../../guest/workload.ts';
import type { Link } from '../../link/link.ts';
import { ringLink } from '../../link/ring-link.ts';
import { createRing } from '../../link/ring.ts';
import { fillPages } from '../../memory/contents/contents.ts';
import { Doorbell } from '../../memory/doorbell.ts';
import { writerMapAt } from '../../memory/layout.ts';
import { destination } from '../../migration/destination.ts';
import type { Algorithm, DestinationGuest, SourceGuest } from '../../migration/ports.ts';
import type { RunConfig } from '../config.ts';
import { sourceAlgorithm, sourceOptions } from '../common/algorithms.ts';
import { look } from '../common/look.ts';
import { HostDestinationGuest, HostSourceGuest } from '../common/guests.ts';
import { createHost, type Host, type LogConfig, openHost } from '../common/host.ts';

/** Long enough for V8's optimising compilers to have seen the whole path many times. */
const REHEARSE_NS = 100e6;
/** A policy's own limit is one that a rehearsal doesn't have to wait for. */
const REHEARSED_MBIT = 1e6;
const PAGES = 128;
const PAGE_SIZE = 4096;

const WORKLOAD: Workload = {
  pattern: { kind: 'uniform' },
  firstGfn: 0,
  pages: PAGES,
  rate: 1000,
  writes: 1,
  wordsPerPage: 1,
  fromNs: 0,
  untilNs: Infinity,
};

let hasRehearsed = false;

/**
 * Plays the migration that is about to come, tiny and within this thread, over and over. Without it
 * the first round, and the whole downtime, which runs once, would measure V8's interpreter and
 * compilers. Nothing of the real guest is touched; a pooled thread does it once.
 */
export function rehearse(config: Pick<RunConfig, 'link' | 'migration'>, log: LogConfig): void {
  if (hasRehearsed) return;
  hasRehearsed = true;
  const clock = monotonicClock();
  const guests = miniature(log);
  const forward = createRing(1024 * 1024);
  const backward = createRing(1024 * 1024);
  const peerDoorbell = new Doorbell(new Int32Array(new SharedArrayBuffer(8)), 0);
  const ends = { clock, peerDoorbell, bytesPerSecond: Infinity, latencyNs: 0 };
  const migration = {
    ...config.migration,
    maxBytesPerSecond: Infinity,
    timeoutNs: Infinity,
    postcopyBytesPerSecond: Infinity,
    startMbit: REHEARSED_MBIT,
    maxMbit: REHEARSED_MBIT,
  };
  while (clock.now() < REHEARSE_NS) {
    const near = ringLink({ ...ends, outgoing: forward, incoming: backward });
    const far = ringLink({ ...ends, outgoing: backward, incoming: forward });
    const { source, target } = guests.fresh();
    const link = { ...config.link, bytesPerSecond: Infinity };
    const options = sourceOptions(link, migration, { pages: PAGES, pageSize: PAGE_SIZE });
    const sending = sourceAlgorithm({ clock, link: near, guest: source, options }, migration);
    const receiving = destination({ clock, link: far, guest: target });
    const halves = [half(sending, near, clock, source), half(receiving, far, clock, target)];
    let isOver = false;
    while (!isOver) isOver = halves.map((go) => go()).every(Boolean);
  }
}

/** A function that lets one half run until it waits for nothing that is there; true once it is over. */
function half<Result>(
  algorithm: Algorithm<Result>,
  link: Link,
  clock: Clock,
  guest: SourceGuest | DestinationGuest,
): () => boolean {
  const isGuestSettled = (): boolean => guest.isSettled();
  const parts = { clock, link, isGuestSettled, isCancelled: () => false };
  let step = algorithm.next();
  return () => {
    while (!step.done) {
      link.release();
      const { wake } = look(step.value, parts);
      if (!wake) return false;
      step = algorithm.next(wake);
    }
    return true;
  };
}

/** Two guests of a few pages whose vCPU is parked for good, and some of whose pages look dirty twice. */
function miniature(config: LogConfig) {
  const log = { ...config, ...(config.clearChunkPages ? { clearChunkPages: PAGES / 4 } : {}) };
  const shape = { memoryBytes: PAGES * PAGE_SIZE, pageSize: PAGE_SIZE, vcpus: 1, memslots: 1 };
  const { plan, geometries } = planMemory(
    { ...shape, dirtyLog: log.kind, workloads: [WORKLOAD] },
    1,
  );
  const [from, to] = [0, 1].map((skewPages) =>
    openHost(createHost(geometries(skewPages), plan, log)),
  ) as [Host, Host];
  const slot = from.memory.slots[0]!;
  const contents = [{ firstGfn: 0, pages: PAGES, kind: 'mixed' as const, zeroShare: 0.3 }];
  fillPages(slot, contents, 1, 0, PAGES);
  for (const host of [from, to]) writePlan(host.memory.slots[0]!, plan);
  const clock = monotonicClock();
  const fresh = (): { source: SourceGuest; target: DestinationGuest } => {
    let asked = 0;
    const source = new HostSourceGuest(from, plan, clock);
    source.isSettled = () => {
      asked++;
      for (const side of [0, 1]) {
        const at = writerMapAt(slot.layout, 1, side) >>> 2;
        if (asked < 4) slot.words.fill(0x11, at, at + PAGES / 32);
      }
      return true;
    };
    source.pause = () => undefined;
    source.resume = () => undefined;
    const target = new HostDestinationGuest(to, plan, clock);
    const wanted = [PAGES / 2, 3, 77];
    target.run = () => undefined;
    target.areRunning = () => true;
    target.isSettled = () => wanted.length > 0;
    target.faults = () => wanted.splice(0, 1);
    return { source, target };
  };
  return { fresh };
}
