import type { Clock } from '../../clock/clock.ts';
import { monotonicClock } from '../../clock/monotonic.ts';
import { planGuest } from '../../guest/stream-plan.ts';
import { writePlan } from '../../guest/stream-record.ts';
import { loadVcpus, saveVcpus, stateMismatch } from '../../guest/vcpu-state.ts';
import type { Workload } from '../../guest/workload.ts';
import type { Link } from '../../link/link.ts';
import { ringLink } from '../../link/ring-link.ts';
import { createRing } from '../../link/ring.ts';
import { fillPages } from '../../memory/contents/contents.ts';
import type { DirtyLogKind } from '../../memory/dirty-logs/dirty-log.ts';
import { openDirtyLog } from '../../memory/dirty-logs/open.ts';
import { Doorbell } from '../../memory/doorbell.ts';
import { writerMapAt } from '../../memory/layout.ts';
import { PageSet } from '../../memory/page-set.ts';
import { destination } from '../../migration/destination.ts';
import type { Algorithm, DestinationGuest, SourceGuest } from '../../migration/ports.ts';
import type { RunConfig } from '../config.ts';
import { sourceAlgorithm, sourceOptions } from './algorithms.ts';
import { look } from './driver.ts';
import { createHost, openHost } from './host.ts';

/** Long enough for V8's optimising compilers to have seen the whole path many times. */
const REHEARSE_NS = 100e6;
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
export function rehearse(
  config: Pick<RunConfig, 'link' | 'migration'>,
  dirtyLog: DirtyLogKind,
): void {
  if (hasRehearsed) return;
  hasRehearsed = true;
  const clock = monotonicClock();
  const guests = miniature(dirtyLog);
  const forward = createRing(1024 * 1024);
  const backward = createRing(1024 * 1024);
  const peerDoorbell = new Doorbell(new Int32Array(new SharedArrayBuffer(8)), 0);
  const ends = { clock, peerDoorbell, bytesPerSecond: Infinity, latencyNs: 0 };
  const migration = { ...config.migration, maxBytesPerSecond: Infinity, timeoutNs: Infinity };
  while (clock.now() < REHEARSE_NS) {
    const near = ringLink({ ...ends, outgoing: forward, incoming: backward });
    const far = ringLink({ ...ends, outgoing: backward, incoming: forward });
    const { source, target } = guests.fresh();
    const options = sourceOptions({ ...config.link, bytesPerSecond: Infinity }, migration);
    const sending = sourceAlgorithm({ clock, link: near, guest: source, options }, migration);
    const receiving = destination({ clock, link: far, guest: target });
    const halves = [half(sending, near, clock), half(receiving, far, clock)];
    let isOver = false;
    while (!isOver) isOver = halves.map((go) => go()).every(Boolean);
  }
}

/** A function that lets one half run until it waits for nothing that is there; true once it is over. */
function half<Result>(algorithm: Algorithm<Result>, link: Link, clock: Clock): () => boolean {
  const parts = { clock, link, isGuestSettled: () => true, isCancelled: () => false };
  let step = algorithm.next();
  return () => {
    while (!step.done) {
      link.release();
      const { wake } = look({ ...step.value, untilNs: Infinity }, parts);
      if (!wake) return false;
      step = algorithm.next(wake);
    }
    return true;
  };
}

/** Two guests of a few pages whose vCPU is parked for good, and some of whose pages look dirty twice. */
function miniature(dirtyLog: DirtyLogKind) {
  const plan = planGuest([WORKLOAD], 1, PAGE_SIZE, 1);
  const geometry = { pages: PAGES, pageSize: PAGE_SIZE, writers: 2, streams: 2, tableBytes: 0 };
  const [from, to] = [0, 1].map((skewPages) =>
    openHost(createHost({ ...geometry, skewPages }, plan, dirtyLog)),
  ) as [ReturnType<typeof openHost>, ReturnType<typeof openHost>];
  const contents = [{ firstGfn: 0, pages: PAGES, kind: 'mixed' as const, zeroShare: 0.3 }];
  fillPages(from.slot.ram, PAGE_SIZE, contents, 1, 0, PAGES);
  for (const host of [from, to]) writePlan(host.slot, plan);
  const target: DestinationGuest = {
    slot: to.slot,
    vcpus: 1,
    load: (states) => {
      loadVcpus(to.slot, to.area, plan, states);
      return stateMismatch(states, plan);
    },
    run: () => undefined,
    isSettled: () => true,
    runningSinceNs: () => 0,
  };
  const fresh = (): { source: SourceGuest; target: DestinationGuest } => {
    let asked = 0;
    const source: SourceGuest = {
      slot: from.slot,
      vcpus: 1,
      dirtyLog: openDirtyLog(dirtyLog, { slot: from.slot, handshake: from.engine }),
      unsent: new PageSet(from.slot),
      pause: () => undefined,
      resume: () => undefined,
      throttle: () => undefined,
      vcpuState: () => saveVcpus(from.slot, from.area, plan),
      isSettled: () => {
        asked++;
        for (const at of [0, 1].map((side) => writerMapAt(from.slot.layout, 1, side) >>> 2)) {
          if (asked < 4) from.slot.words.fill(0x11, at, at + PAGES / 32);
        }
        return true;
      },
    };
    return { source, target };
  };
  return { fresh };
}
