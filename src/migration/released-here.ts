import { zeroPages } from '../guest/zeroing.ts';
import { slotOf } from '../memory/guest-memory.ts';
import { PAGE_FREE, PAGE_RELEASED } from '../memory/kernels/abi.ts';
import { type Frame, FRAME, WireError } from '../wire/frame.ts';
import { decodeRanges } from '../wire/ranges.ts';
import { decodeSlots } from '../wire/slots.ts';
import type { DestinationGuest } from './ports.ts';

const NAMES = new Map<number, 'released' | 'free' | 'hinted'>([
  [FRAME.released, 'released'],
  [FRAME.free, 'free'],
  [FRAME.hinted, 'hinted'],
]);

/**
 * Takes from RELEASED, FREE and HINTED frames which pages the guest has given back, holds free or has hinted as free at
 * the source, and from SLOTS frames which its host has swapped out to a store that both hosts use.
 * Over all frames of a type the ranges are in ascending order, so that no page is zeroed twice; they
 * come before any page is made absent.
 */
export class ReleasedHere {
  readonly #guest: DestinationGuest;
  /** Every page below these gfns has been named or passed over, by type of frame. */
  readonly #knownTo = { released: 0, free: 0, hinted: 0 };

  constructor(guest: DestinationGuest) {
    this.#guest = guest;
  }

  /** Takes one such frame. Throws WireError if it does not fit the guest or comes out of order. */
  take(frame: Frame): void {
    if (frame.type === FRAME.slots) return this.#takeSlots(frame);
    const { memory, states, presence } = this.#guest;
    const name = NAMES.get(frame.type)!;
    const fail = (why: string): never => {
      throw new WireError(`frame ${frame.sequence}: ${why}`);
    };
    if (!states) return fail('the guest prepared here has no memory manager');
    if (presence.absent > 0) fail('pages are given back after others were made absent');
    decodeRanges(frame, memory.pages, (gfn, pages) => {
      if (gfn < this.#knownTo[name]) fail('ranges are not in ascending order');
      this.#knownTo[name] = gfn + pages;
      states.set(gfn, pages, name === 'released' ? PAGE_RELEASED : PAGE_FREE);
      // A released or hinted page is zeroed, whatever was received for it; the content of other free pages is sent.
      if (name === 'free') return;
      if (name === 'released') this.#guest.host?.surrender(gfn, pages);
      this.#zero(gfn, pages);
    });
  }

  #takeSlots(frame: Frame): void {
    const { memory, host, presence } = this.#guest;
    const fail = (why: string): never => {
      throw new WireError(`frame ${frame.sequence}: ${why}`);
    };
    if (!host) return fail('the guest prepared here has no overcommitted host');
    if (presence.absent > 0) fail('pages are said to be swapped out after others were made absent');
    decodeSlots(frame, memory.pages, (gfn, slot) => {
      if (!host.takeSlot(gfn, slot))
        fail(`page ${gfn} does not lie in slot ${slot} of the swap store`);
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
