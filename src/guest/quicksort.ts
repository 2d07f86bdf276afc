import { Generator } from '../random/generator.ts';

/** Visits of a page while the elements that it holds are sorted among themselves: log2(1024) passes. */
const LEAF_VISITS = 10;

/**
 * The pages that an in-place quicksort of an array of random 32-bit numbers over `pages` pages visits,
 * in order: a pass over a range takes it from both ends until the two meet at the pivot, then come its
 * two halves; a range within a page is sorted there. A visit stands for going through a page once.
 */
export function quicksortPages(pages: number, seed: number): Uint32Array {
  const random = new Generator(seed);
  let visits = new Uint32Array(Math.max(64, pages * 40));
  let count = 0;
  const visit = (page: number): void => {
    if (count === visits.length) {
      const larger = new Uint32Array(2 * count);
      larger.set(visits);
      visits = larger;
    }
    visits[count++] = page;
  };
  // Half-open ranges, the next one last; a stack, since an unlucky pivot makes a deep recursion.
  const ranges: [number, number][] = [[0, pages]];
  while (ranges.length > 0) {
    const [from, to] = ranges.pop()!;
    if (to - from <= 1) {
      for (let i = 0; i < LEAF_VISITS; i++) visit(from);
      continue;
    }
    const pivot = from + 1 + random.below(to - from - 1);
    // The left finger ends at the pivot's place, and so does the right one: both go at the same speed.
    const [left, right] = [pivot - from, to - pivot];
    let [low, high] = [from, to - 1];
    while (low < pivot || high >= pivot) {
      const isLeft =
        high < pivot || (low < pivot && (low - from) * right <= (to - 1 - high) * left);
      visit(isLeft ? low++ : high--);
    }
    ranges.push([pivot, to], [from, pivot]);
  }
  return visits.slice(0, count);
}
