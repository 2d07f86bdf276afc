import type { TakenRuns } from '../../memory/page-set.ts';
import { zeroMask } from '../../wire/zero-mask.ts';

/** Pages by whether they are zero; either part is absent if it has no pages. */
export interface SplitRuns {
  readonly raw?: TakenRuns | undefined;
  readonly zero?: TakenRuns | undefined;
}

/**
 * Looks for zero pages in the migration's main thread, as QEMU did before 9.0 and does with `zero-page-detection: legacy`:
 * the main channel names them, and the other channels carry the rest.
 */
export function splitZeros(taken: TakenRuns): SplitRuns {
  const raw = new GrowingRuns();
  const zero = new GrowingRuns();
  const { slot, list, runs } = taken;
  for (let i = 0; i < runs; i++) {
    const end = list[2 * i]! + list[2 * i + 1]!;
    for (let from = list[2 * i]!; from < end; from += 32) {
      const count = Math.min(32, end - from);
      const zeros = zeroMask(slot, from, count);
      for (let bit = 0; bit < count; bit++) {
        (((zeros >>> bit) & 1) === 1 ? zero : raw).add(from + bit);
      }
    }
  }
  return { raw: raw.of(taken), zero: zero.of(taken) };
}

/** A list of runs that grows page by page. */
class GrowingRuns {
  readonly #list: number[] = [];
  #pages = 0;

  add(page: number): void {
    const list = this.#list;
    const end = list.length > 0 ? list.at(-2)! + list.at(-1)! : -1;
    if (end === page) list[list.length - 1] = list.at(-1)! + 1;
    else list.push(page, 1);
    this.#pages++;
  }

  /** Returns them as a part of what was taken; undefined if there are none. */
  of(taken: TakenRuns): TakenRuns | undefined {
    if (this.#pages === 0) return undefined;
    const list = Uint32Array.from(this.#list);
    return { ...taken, list, runs: list.length / 2, pages: this.#pages, skipped: 0 };
  }
}
