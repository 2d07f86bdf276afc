import { Generator } from '../random/generator.ts';

/** How often a page is visited while its own elements are sorted: 1024 elements take log2(1024) passes. */
const LEAF_VISITS = 10;

/**
 * Returns the pages, in order, that an in-place quicksort visits when it sorts an array of random 32-bit numbers that
 * fills `pages` pages. A pass over a range goes inwards from both ends until they meet at the pivot; then the two parts
 * are sorted in the same way. A range of one page is sorted within it. One visit stands for going through a page once.
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
  // The half-open ranges still to be sorted, the next one last. It is a stack, since bad pivots would recurse deeply.
  const ranges: [number, number][] = [[0, pages]];
  while (ranges.length > 0) {
    const [from, to] = ranges.pop()!;
    if (to - from <= 1) {
      for (let i = 0; i < LEAF_VISITS; i++) visit(from);
      continue;
    }
    const pivot = from + 1 + random.below(to - from - 1);
    // Both ends reach the pivot at the same time, so each moves at a speed in proportion to its way.
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
