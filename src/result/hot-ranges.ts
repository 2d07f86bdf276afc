/** Consecutive bins, from `first` up to but without `end`, and the sum of what was counted in them. */
export interface HotRange {
  readonly first: number;
  readonly end: number;
  readonly count: number;
}

/**
 * Returns the ranges of bins in which more was counted than in as many bins on average: each is the range with the most
 * above that, then those with the most in what is left of it on either side, and so on, in ascending order. These are
 * the maximal scoring subsequences of Ruzzo and Tompa (ISMB 1999), where a bin's score is its count less the average.
 */
export function hotRanges(counts: readonly number[]): HotRange[] {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const scores = counts.map((count) => count - total / counts.length);
  const found: HotRange[] = [];
  const search = (from: number, to: number): void => {
    const best = bestRange(scores, from, to);
    if (!best) return;
    search(from, best.first);
    let count = 0;
    for (let bin = best.first; bin < best.end; bin++) count += counts[bin]!;
    found.push({ ...best, count });
    search(best.end, to);
  };
  search(0, counts.length);
  return found;
}

/** Returns the range of [from, to) with the largest sum (Kadane's algorithm), or undefined if no sum is above 0. */
function bestRange(
  scores: readonly number[],
  from: number,
  to: number,
): { readonly first: number; readonly end: number } | undefined {
  let best: { first: number; end: number } | undefined;
  let most = 0;
  let sum = 0;
  let first = from;
  for (let bin = from; bin < to; bin++) {
    if (sum <= 0) {
      sum = 0;
      first = bin;
    }
    sum += scores[bin]!;
    if (sum <= most) continue;
    most = sum;
    best = { first, end: bin + 1 };
  }
  return best;
}
