import type { TakenRuns } from '../../memory/page-set.ts';

/** Returns pages as lists of their own, each of which has at most `most` pages. */
export function cutRuns(taken: TakenRuns, most: number): TakenRuns[] {
  if (taken.pages <= most) return [{ ...taken, list: taken.list.slice() }];
  const parts: TakenRuns[] = [];
  let list: number[] = [];
  let pages = 0;
  const end = (): void => {
    if (pages === 0) return;
    parts.push({ ...taken, list: Uint32Array.from(list), runs: list.length / 2, pages });
    list = [];
    pages = 0;
  };
  for (let i = 0; i < taken.runs; i++) {
    let first = taken.list[2 * i]!;
    for (let left = taken.list[2 * i + 1]!; left > 0;) {
      const count = Math.min(left, most - pages);
      list.push(first, count);
      first += count;
      left -= count;
      pages += count;
      if (pages === most) end();
    }
  }
  end();
  return parts;
}
