/** The pages that a guest dirtied in each of many equal steps of time, as its dirty bitmap had them. */
export interface DirtyHistory {
  readonly stepNs: number;
  /** The number of pages of the guest. */
  readonly pages: number;
  /** A bitmap for each step, with a bit for each page of the guest. */
  readonly bitmaps: readonly Uint32Array[];
}

/**
 * Returns the number of distinct pages dirtied between two times of a history, which are rounded to
 * steps. Past its end the history begins again, as a workload that repeats does.
 */
export function distinctPages(history: DirtyHistory, fromNs: number, toNs: number): number {
  const { stepNs, bitmaps } = history;
  const first = Math.round(fromNs / stepNs);
  const end = Math.min(Math.round(toNs / stepNs), first + bitmaps.length);
  if (bitmaps.length === 0 || end <= first) return 0;
  const union = bitmaps[first % bitmaps.length]!.slice();
  for (let step = first + 1; step < end; step++) merge(union, bitmaps[step % bitmaps.length]!);
  return popcount(union);
}

/**
 * Splits a history into windows and returns a curve for each: the number of distinct pages dirtied from
 * the window's start to the end of each of its steps.
 */
export function windowCurves({ bitmaps, pages }: DirtyHistory, stepsAWindow: number): number[][] {
  const curves: number[][] = [];
  let union = new Uint32Array(0);
  for (const [step, bitmap] of bitmaps.entries()) {
    if (step % stepsAWindow === 0) {
      union = new Uint32Array(Math.ceil(pages / 32));
      curves.push([]);
    }
    const curve = curves.at(-1)!;
    curve.push((curve.at(-1) ?? 0) + mergeAndCount(union, bitmap));
  }
  return curves;
}

/** Merges a bitmap into another one, and returns how many bits that has set; most words of a short step are 0. */
function mergeAndCount(into: Uint32Array, from: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < into.length; i++) {
    const word = from[i]! & ~into[i]!;
    if (word === 0) continue;
    into[i]! |= word;
    count += bitsOf(word);
  }
  return count;
}

function merge(into: Uint32Array, from: Uint32Array): void {
  for (let i = 0; i < into.length; i++) into[i]! |= from[i]!;
}

/** Returns the number of bits that are set. */
export function popcount(words: Uint32Array): number {
  let count = 0;
  for (const word of words) count += bitsOf(word);
  return count;
}

function bitsOf(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
