import { zeroPages } from '../guest/zeroing.ts';
import { slotOf } from '../memory/guest-memory.ts';
import { PAGE_FREE, PAGE_RELEASED } from '../memory/kernels/abi.ts';
import { type Frame, FRAME, WireError } from '../wire/frame.ts';
import { decodeRanges } from '../wire/ranges.ts';
import type { DestinationGuest } from './ports.ts';

/**
 * Takes from RELEASED and FREE frames which pages the guest has given back or holds free at the source.
 * Over all frames of a type the ranges are in ascending order, so that no page is zeroed twice; they
 * come before any page is made absent.
 */
export class ReleasedHere {
  readonly #guest: DestinationGuest;
  /** Every page below these gfns has been named or passed over, by type of frame. */
  readonly #knownTo = { released: 0, free: 0 };

  constructor(guest: DestinationGuest) {
    this.#guest = guest;
  }

  /** Takes one such frame. Throws WireError if it does not fit the guest or comes out of order. */
  take(frame: Frame): void {
    const { memory, states, presence } = this.#guest;
    const name = frame.type === FRAME.released ? 'released' : 'free';
    const fail = (why: string): never => {
      throw new WireError(`frame ${frame.sequence}: ${why}`);
    };
    if (!states) return fail('the guest prepared here has no memory manager');
    if (presence.absent > 0) fail('pages are given back after others were made absent');
    decodeRanges(frame, memory.pages, (gfn, pages) => {
      if (gfn < this.#knownTo[name]) fail('ranges are not in ascending order');
      this.#knownTo[name] = gfn + pages;
      states.set(gfn, pages, name === 'released' ? PAGE_RELEASED : PAGE_FREE);
      // A released page is zeroed, whatever was received for it; the content of free pages is sent.
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
