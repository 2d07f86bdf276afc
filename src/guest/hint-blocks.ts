import type { Memslot } from '../memory/memslot.ts';
import type { ManagedRange } from './managed-ranges.ts';

/** An aligned block of pages of one slot, which a free-page hint names as a whole. */
export interface HintBlock {
  readonly slot: number;
  /** Its first page, counted in the slot. */
  readonly page: number;
  readonly pages: number;
}

/**
 * Returns the blocks of `blockPages` pages that lie in ranges of a memory manager throughout, in the order of gfns. A
 * block begins at a multiple of its size, counted in gfns of the guest, as a block of the buddy allocator does.
 */
export function hintBlocks(
  ranges: readonly ManagedRange[],
  slots: readonly Pick<Memslot, 'layout'>[],
  blockPages: number,
): HintBlock[] {
  const blocks: HintBlock[] = [];
  for (const { layout } of slots) {
    const own = ranges.filter(({ slot }) => slot === layout.index);
    // Ranges that lie side by side are one stretch of pages.
    let [from, end] = [-1, -1];
    const list = (): void => {
      let page = alignUp(layout.firstGfn + from, blockPages) - layout.firstGfn;
      for (; page + blockPages <= end; page += blockPages) {
        blocks.push({ slot: layout.index, page, pages: blockPages });
      }
    };
    for (const { first, pages } of own) {
      if (first !== end) {
        list();
        from = first;
      }
      end = first + pages;
    }
    list();
  }
  return blocks;
}

const alignUp = (value: number, unit: number): number => Math.ceil(value / unit) * unit;
