import { power } from '../../random/elementary.ts';
import { Generator } from '../../random/generator.ts';
import { fitDirtyVector } from '../../guest/dirty-vector.ts';
import type { Pattern, Workload } from '../../guest/workload.ts';
import type { Facts } from './facts.ts';
import {
  dirtiedPages,
  FULL_SHARE,
  HOT_PAGES,
  HOT_WRITES,
  rateFor,
  type Shape,
  type WrittenPages,
  writtenPages,
} from './growth.ts';
import { areOneGuest, drawObservation, type Observation, PAGE, usedRates } from './observation.ts';

/** A guest that reproduces what was measured. */
export interface PlausibleGuest {
  readonly pattern: Shape | 'dirty-vector';
  readonly workingSetPages: number;
  /** Page writes a second. */
  readonly rate: number;
  readonly written: readonly WrittenPages[];
  /** Its workload as a scenario has it. */
  readonly workload: Readonly<Record<string, unknown>>;
  /** The same in numbers, as scenario/resolve.ts makes it. */
  readonly resolved: Workload;
  /** How long it runs before its migration, so that guests are at different places then. */
  readonly startAfterMs: number;
}

/** What guests are made of. */
export interface GuestFacts extends Facts {
  readonly memoryBytes: number;
  readonly vcpus: number;
}

const SHAPES: readonly Shape[] = ['uniform', 'hotspot', 'sequential'];
/** The working set of a guest of which none is known is at least so many times what it dirtied. */
const LEAST_SETS = 1.05;
/** A guest that wrote all of its working set may write it so many times more often. */
const MOST_LAPS = 64;
/** A guest that is off by less than this share at every point of a vector has that vector. */
const FITS = 0.05;
/** A vCPU makes at most so many page writes a second. */
const MOST_WRITES = 5e6;
/** Multiples of the golden ratio, without their whole parts, cover 0 to 1 evenly however many there are. */
const GOLDEN = 0.618_033_988_749_894_9;

/**
 * Returns guests that all reproduce the measured dirty rates, as different as these allow. With rates over several
 * periods each guest has groups of pages that fit all of them, or writes its pages in order where that fits as well. With
 * one rate, a guest writes a working set at random, a tenth of it nine times as often as the rest, or in order, as often
 * as gives that rate; where the working set is not known, it is anything from what was dirtied up to the memory in use.
 * `speed` multiplies all rates of writes.
 */
export function plausibleGuests(
  facts: GuestFacts,
  count: number,
  seed: number,
  speed = 1,
): PlausibleGuest[] {
  const rates = usedRates(facts.rates ?? []);
  const memoryPages = Math.floor(Math.min(facts.usedBytes ?? Infinity, facts.memoryBytes) / PAGE);
  const random = new Generator(seed);
  const chance = (): number => random.next() / 2 ** 32;
  const isVector = areOneGuest(rates, memoryPages);
  return Array.from({ length: count }, (_, i) => {
    const observed = rates.map((rate) => drawObservation(rate, memoryPages, chance));
    const startAfterMs = 100 + Math.round(900 * chance());
    const laps = power(MOST_LAPS, chance());
    const place = (0.5 + i * GOLDEN) % 1;
    if (isVector) {
      const points = steady(observed);
      const full = isFullFrom(points) ? laps : 1;
      const whole = { points, memoryPages, place, startAfterMs, speed: speed * full };
      return i % 2 === 1 ? (orderedGuest(whole) ?? vectorGuest(whole)) : mixedGuest(whole);
    }
    const one = observed[i % observed.length] ?? { seconds: 1, pages: 0 };
    const setPages = workingSet(facts, one, memoryPages, place);
    const shape = SHAPES[i % SHAPES.length]!;
    const isFull = one.pages >= FULL_SHARE * setPages;
    const wanted = speed * rateFor(shape, setPages, one.pages, one.seconds) * (isFull ? laps : 1);
    const rate = Math.max(0.001, Math.min(wanted, facts.vcpus * MOST_WRITES));
    return shapedGuest(shape, setPages, rate, startAfterMs);
  });
}

function workingSet(
  facts: Facts,
  { pages }: Observation,
  memoryPages: number,
  place: number,
): number {
  if (facts.workingSetBytes !== undefined) {
    return Math.max(1, Math.min(memoryPages, Math.round(facts.workingSetBytes / PAGE)));
  }
  const least = Math.min(memoryPages, Math.max(16, LEAST_SETS * pages));
  return Math.max(1, Math.round(least * power(memoryPages / least, place)));
}

function shapedGuest(
  shape: Shape,
  pages: number,
  rate: number,
  startAfterMs: number,
): PlausibleGuest {
  const region = { start: 0, size: pages * PAGE };
  const hot = { hotPages: HOT_PAGES, hotAccesses: HOT_WRITES };
  return {
    pattern: shape,
    workingSetPages: pages,
    rate,
    written: writtenPages(shape, pages, rate),
    workload: { pattern: shape, ...(shape === 'hotspot' ? hot : {}), region, rate },
    resolved: resolvedWorkload(patternOf(shape, pages), pages, rate),
    startAfterMs,
  };
}

function patternOf(shape: Shape, pages: number): Pattern {
  const hotPages = Math.max(1, Math.round(HOT_PAGES * pages));
  if (shape !== 'hotspot') return { kind: shape };
  if (hotPages === pages) return { kind: 'uniform' };
  return { kind: 'hotspot', hotPages, hotAccesses: HOT_WRITES };
}

const resolvedWorkload = (pattern: Pattern, pages: number, rate: number): Workload => ({
  firstGfn: 0,
  pages,
  pattern,
  rate,
  writes: 1,
  wordsPerPage: 1,
  fromNs: 0,
  untilNs: Infinity,
});

/** What a guest of a vector is made of. */
interface VectorFacts {
  /** Distinct pages over ever longer times, as one steady guest dirties them. */
  readonly points: readonly Observation[];
  readonly memoryPages: number;
  /** From 0 to 1, where in the range of what is not known the guest lies. */
  readonly place: number;
  readonly startAfterMs: number;
  readonly speed: number;
}

/** Whether all pages were dirty in the shortest time already, so that nothing says how fast. */
const isFullFrom = (points: readonly Observation[]): boolean =>
  points[0]!.pages >= FULL_SHARE * points.at(-1)!.pages;

/** Returns groups of pages, unless these are off where pages that are written in order are not. */
function mixedGuest(facts: VectorFacts): PlausibleGuest {
  const guest = vectorGuest(facts);
  const isOff = facts.points.some(({ seconds, pages }) => {
    const dirtied = dirtiedPages(guest.written, seconds / facts.speed);
    return Math.abs(dirtied - pages) > FITS * pages;
  });
  return isOff ? (orderedGuest(facts) ?? guest) : guest;
}

/**
 * Returns a guest that writes its pages in order, whose vector is a straight line up to its working set and flat from
 * there on; undefined when the points are no such line.
 */
function orderedGuest(facts: VectorFacts): PlausibleGuest | undefined {
  const { points, memoryPages, place, startAfterMs, speed } = facts;
  const [first, last] = [points[0]!, points.at(-1)!];
  const rate = first.pages / first.seconds;
  const isStraight = rate * last.seconds <= (1 + FITS) * last.pages;
  const pages = isStraight
    ? Math.round(last.pages * power(Math.max(1, memoryPages / last.pages), place))
    : Math.round(last.pages);
  const isLine = points.every(
    (one) => Math.abs(Math.min(pages, rate * one.seconds) - one.pages) <= FITS * one.pages,
  );
  return isLine ? shapedGuest('sequential', pages, rate * speed, startAfterMs) : undefined;
}

function vectorGuest({ points, memoryPages, startAfterMs, speed }: VectorFacts): PlausibleGuest {
  // Twice the speed dirties the same pages in half of the time.
  const faster = points.map(({ seconds, pages }) => ({
    afterNs: Math.max(1, Math.round((seconds * 1e9) / speed)),
    pages: Math.max(1, Math.round(pages)),
  }));
  const { groups } = fitDirtyVector(faster, memoryPages);
  const writes = groups.reduce((sum, { rate }) => sum + rate, 0);
  return {
    pattern: 'dirty-vector',
    workingSetPages: groups.reduce((sum, { pages }) => sum + pages, 0),
    rate: writes,
    written: groups.map((group) => ({ ...group, isInOrder: false })),
    resolved: resolvedWorkload({ kind: 'dirty-vector', groups }, memoryPages, writes),
    workload: {
      pattern: 'dirty-vector',
      region: { start: 0, size: memoryPages * PAGE },
      points: faster.map(({ afterNs, pages }) => ({ after: `${afterNs}ns`, pages })),
    },
    startAfterMs,
  };
}

/** Returns observations as those of one guest: distinct pages never become fewer, nor grow faster than time does. */
function steady(observed: readonly Observation[]): Observation[] {
  const result: Observation[] = [];
  for (const { seconds, pages } of observed) {
    const before = result.at(-1);
    const least = before?.pages ?? 0;
    const most = before ? (before.pages * seconds) / before.seconds : Infinity;
    result.push({ seconds, pages: Math.min(most, Math.max(least, pages)) });
  }
  return result;
}

/** Returns the dirty rate that a measurement of a guest over a period would show, in bytes a second. */
export const rateOver = ({ written }: PlausibleGuest, seconds: number): number =>
  (dirtiedPages(written, seconds) * PAGE) / seconds;
