import { zeroPages } from '../guest/zeroing.ts';
import { slotOf } from '../memory/guest-memory.ts';
import { PAGE_FREE, PAGE_RELEASED } from '../memory/kernels/abi.ts';
import { type Frame, FRAME, WireError } from '../wire/frame.ts';
import { decodeRanges } from '../wire/ranges.ts';
import type { DestinationGuest } from './ports.ts';

/**
 * What the guest has given back at the source, and what is free there. Ranges come in ascending order
 * over all frames of a type, so that no page is zeroed twice, and before any page is made absent.
 */
export class ReleasedHere {
  readonly #guest: DestinationGuest;
  readonly #toldTo = { released: 0, free: 0 };

  constructor(guest: DestinationGuest) {
    this.#guest = guest;
  }

  take(frame: Frame): void {
    const { memory, states, presence } = this.#guest;
    const name = frame.type === FRAME.released ? 'released' : 'free';
    const fail = (why: string): never => {
      throw new WireError(`frame ${frame.sequence}: ${why}`);
    };
    if (!states) return fail('the guest prepared here has no memory manager');
    if (presence.absent > 0) fail('pages are given back after others were made absent');
    decodeRanges(frame, memory.pages, (gfn, pages) => {
      if (gfn < this.#toldTo[name]) fail('ranges are not in ascending order');
      this.#toldTo[name] = gfn + pages;
      states.set(gfn, pages, name === 'released' ? PAGE_RELEASED : PAGE_FREE);
      // Zero here, whatever came before; what free pages hold comes like any other page.
      if (name === 'released') this.#zero(gfn, pages);
    });
  }

  #zero(firstGfn: number, pages: number): void {
    const { memory } = this.#guest;
    for (let gfn = firstGfn; gfn < firstGfn + pages;) {
      const slot = slotOf(memory, gfn);
      const page = gfn - slot.layout.firstGfn;
      const count = Math.min(slot.layout.pages - page, firstGfn + pages - gfn);
      zeroPages(slot, page, count);
      gfn += count;
    }
  }
}
