import { zeroPages } from '../guest/zeroing.ts';
import { slotOf } from '../memory/guest-memory.ts';
import { PAGE_FREE, PAGE_RELEASED } from '../memory/kernels/abi.ts';
import type { Frame } from '../wire/frame.ts';
import { decodeRanges } from '../wire/ranges.ts';
import type { DestinationGuest } from './ports.ts';

/** Pages that the guest has given back at the source: zero here, whatever came before. */
export function takeReleased(frame: Frame, { memory, states }: DestinationGuest): void {
  decodeRanges(frame, memory.pages, (firstGfn, pages) => {
    states?.set(firstGfn, pages, PAGE_RELEASED);
    for (let gfn = firstGfn; gfn < firstGfn + pages;) {
      const slot = slotOf(memory, gfn);
      const page = gfn - slot.layout.firstGfn;
      const count = Math.min(slot.layout.pages - page, firstGfn + pages - gfn);
      zeroPages(slot, page, count);
      gfn += count;
    }
  });
}

/** Pages in the guest's free list; what they hold comes like any other page. */
export function takeFree(frame: Frame, { memory, states }: DestinationGuest): void {
  decodeRanges(frame, memory.pages, (gfn, pages) => states?.set(gfn, pages, PAGE_FREE));
}
