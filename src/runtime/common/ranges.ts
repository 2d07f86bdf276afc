import type { SharedGuestSide } from './guest-side.ts';

/** A range of pages of one memslot, for one task. */
export interface SlotPages {
  readonly slot: number;
  /** The page's number within the slot. */
  readonly firstPage: number;
  readonly pages: number;
}

/** Splits a guest's pages into about `parts` ranges of nearly equal size, none of which crosses a memslot's border. */
export function pageRanges({ slots }: SharedGuestSide, parts: number): SlotPages[] {
  const total = slots.reduce((sum, { geometry }) => sum + geometry.pages, 0);
  const size = Math.max(1, Math.ceil(total / parts));
  return slots.flatMap(({ geometry }, slot) => {
    const list: SlotPages[] = [];
    for (let firstPage = 0; firstPage < geometry.pages; firstPage += size) {
      list.push({ slot, firstPage, pages: Math.min(size, geometry.pages - firstPage) });
    }
    return list;
  });
}
