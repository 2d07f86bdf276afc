import type { Clock } from '../clock/clock.ts';
import type { DirtyLogKind } from '../memory/dirty-logs/dirty-log.ts';
import { slotOf } from '../memory/guest-memory.ts';
import { scratchAreas } from '../memory/layout.ts';
import { Generator } from '../random/generator.ts';
import type { Algorithm, SourceGuest } from './ports.ts';

/** The modes of QEMU's command calc-dirty-rate (migration/dirtyrate.c). */
export const DIRTY_RATE_MODES = ['page-sampling', 'dirty-bitmap', 'dirty-ring'] as const;
export type DirtyRateMode = (typeof DIRTY_RATE_MODES)[number];

/** The settings of a measurement. */
export interface DirtyRateOptions {
  readonly mode: DirtyRateMode;
  /** How long to measure. */
  readonly periodNs: number;
  /** How many pages page sampling hashes for each GiB of the guest. */
  readonly samplePagesPerGiB: number;
  /** The seed of the random sample. */
  readonly seed: number;
}

/** What a measurement has found. */
export interface DirtyRateReport {
  readonly mode: DirtyRateMode;
  /** The time that was really measured, from the start to the last look. */
  readonly periodNs: number;
  /** The number of pages found dirty; page sampling estimates it for the whole guest. It is never above `accesses`. */
  readonly dirtyPages: number;
  /**
   * The number of page accesses, reads too, that the guest made from before its log was turned on until it was off, so
   * that every page found dirty was written by one of them; and how many a second that were.
   */
  readonly accesses: number;
  readonly accessesPerSecond: number;
  /** The number of pages that page sampling hashed, and of those that had changed. */
  readonly sampled?: { readonly pages: number; readonly changed: number };
  /** The entries and full rings of each vCPU, in mode `dirty-ring`. */
  readonly vcpus?: readonly { readonly entries: number; readonly stalls: number }[];
}

/** QEMU's reaper thread collects and resets the rings once a second (accel/kvm/kvm-all.c). */
const REAP_NS = 1e9;
const GIB = 1024 ** 3;
const PATIENCE_NS = 30e9;

/** What both runtimes need for a measurement: which log a guest has in each mode. */
export const DIRTY_RATE_LOGS: Readonly<Record<DirtyRateMode, DirtyLogKind>> = {
  'page-sampling': 'none',
  'dirty-bitmap': 'bitmap',
  'dirty-ring': 'ring',
};

type Found = Omit<DirtyRateReport, 'accesses' | 'accessesPerSecond'>;

/**
 * Measures over one period how many pages a running guest dirties. The dirty log must be off; it is off
 * again at the end. `countAccesses` returns how many accesses the guest has made in its life.
 */
export function* measureDirtyRate(
  guest: SourceGuest,
  clock: Clock,
  options: DirtyRateOptions,
  countAccesses: () => number,
): Algorithm<DirtyRateReport> {
  const before = countAccesses();
  const startNs = clock.now();
  const isSampled = options.mode === 'page-sampling';
  const found = yield* isSampled
    ? sample(guest, clock, options)
    : countLogEntries(guest, clock, options);
  const accesses = countAccesses() - before;
  const accessesPerSecond = (accesses / (clock.now() - startNs)) * 1e9;
  // A page needs an access to become dirty, which an estimate from a few sampled pages does not know.
  const dirtyPages = Math.min(found.dirtyPages, accesses);
  return { ...found, dirtyPages, accesses, accessesPerSecond };
}

/**
 * Hashes a random sample of pages twice and counts those whose hash has changed. This is cheap and needs
 * no log, but it takes a page for clean that was written and then got its old content back.
 */
function* sample(
  guest: SourceGuest,
  clock: Clock,
  { mode, periodNs, samplePagesPerGiB, seed }: DirtyRateOptions,
): Algorithm<Found> {
  const { memory } = guest;
  const random = new Generator(seed, 0xd12);
  const wanted = Math.ceil((memory.pages * memory.pageSize * samplePagesPerGiB) / GIB);
  const pages = Math.max(1, Math.min(memory.pages, wanted));
  const gfns = Array.from({ length: pages }, () => random.below(memory.pages));
  const startNs = clock.now();
  const before = gfns.map((gfn) => hashOf(guest, gfn));
  yield* awaitTime(clock, startNs + periodNs);
  const endNs = clock.now();
  const changed = gfns.filter((gfn, i) => hashOf(guest, gfn) !== before[i]).length;
  return {
    mode,
    periodNs: endNs - startNs,
    dirtyPages: Math.round((memory.pages * changed) / pages),
    sampled: { pages, changed },
  };
}

function hashOf({ memory }: SourceGuest, gfn: number): string {
  const { layout, kernels, words } = slotOf(memory, gfn);
  const { hash } = scratchAreas(layout);
  // A page of backing `versions` is a count of the writes to it, which changes when its bytes would.
  if (layout.storedBytes !== layout.pageSize) {
    return String(words[layout.ramOffset / 4 + gfn - layout.firstGfn]);
  }
  const at = layout.ramOffset + (gfn - layout.firstGfn) * layout.pageSize;
  kernels.pageHash(at, layout.pageSize, hash);
  return `${words[hash >>> 2]} ${words[(hash >>> 2) + 1]}`;
}

/**
 * Counts what the dirty log finds. A bitmap counts each page once, however often it was written. Rings
 * count every entry: a page counts once for each vCPU that wrote it, and again after each reap.
 */
function* countLogEntries(
  guest: SourceGuest,
  clock: Clock,
  { mode, periodNs }: DirtyRateOptions,
): Algorithm<Found> {
  const log = guest.openLog();
  log.start();
  yield* awaitGuest(guest, clock);
  const startNs = clock.now();
  const endNs = startNs + periodNs;
  const isRing = mode === 'dirty-ring';
  for (let nextNs = startNs; nextNs < endNs;) {
    nextNs = isRing ? Math.min(endNs, nextNs + REAP_NS) : endNs;
    yield* awaitTime(clock, nextNs);
    log.harvest();
    yield* awaitGuest(guest, clock);
    log.collect();
  }
  const tookNs = clock.now() - startNs;
  const pages = log.pages.count;
  const vcpus = log.ringCounts();
  log.stop();
  yield* awaitGuest(guest, clock);
  log.close();
  const entries = vcpus.reduce((sum, ring) => sum + ring.entries, 0);
  return {
    mode,
    periodNs: tookNs,
    dirtyPages: isRing ? entries : pages,
    ...(isRing ? { vcpus } : {}),
  };
}

function* awaitTime(clock: Clock, untilNs: number): Algorithm<void> {
  while (clock.now() < untilNs) yield { untilNs };
}

/** Waits until the guest has answered what it was asked. */
function* awaitGuest(guest: SourceGuest, clock: Clock): Algorithm<void> {
  const untilNs = clock.now() + PATIENCE_NS;
  while (!guest.isSettled()) {
    if ((yield { guest: true, untilNs }) === 'time') throw new Error('a vCPU does not answer');
  }
}
