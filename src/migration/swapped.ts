import { NO_SLOT } from '../memory/page-store.ts';
import { encodeSlots, MAX_SLOTS, slotsFrameBytes } from '../wire/slots.ts';
import type { ReleasingSession } from './releasing-session.ts';
import type { Algorithm } from './ports.ts';

/**
 * Keeps pages from being sent that the source's host has swapped out to a store which the destination's host uses as
 * well (Deshpande et al., "Agile Live Migration of Virtual Machines", IPDPS 2016: the swap device moves with the guest).
 * They are taken out of the unsent pages while the guest runs. Once it is paused, the destination is told in which slots
 * they lie, and those that have come back meanwhile are sent.
 */
export class SwappedPages {
  readonly #session: ReleasingSession;
  /** The gfns of the pages that were taken out of the unsent ones. */
  #aside: number[] = [];
  #hasBegun = false;
  /** The number of pages whose slots the destination was told. */
  count = 0;

  constructor(session: ReleasingSession) {
    this.#session = session;
  }

  /** Takes unsent pages out that are swapped out; looks before the first page is sent and after each harvest. */
  setAside(hasHarvested: boolean): void {
    const { host } = this.#session.side.guest;
    if (!host?.sharesStore || (this.#hasBegun && !hasHarvested)) return;
    this.#hasBegun = true;
    this.#sort(host.slotOf);
  }

  /** Puts back all that was taken out. */
  putBack(): void {
    for (const gfn of this.#aside) this.#session.unsent.addRun(gfn, 1);
    this.#aside = [];
  }

  /** Puts back what is in memory again, and takes out what is swapped out now. */
  #sort(slotOf: (gfn: number) => number): void {
    const { unsent } = this.#session;
    this.putBack();
    const aside: number[] = [];
    unsent.eachRun((gfn, pages) => {
      for (let page = gfn; page < gfn + pages; page++)
        if (slotOf(page) !== NO_SLOT) aside.push(page);
    });
    for (const gfn of aside) unsent.drop(gfn);
    this.#aside = aside;
  }

  /** Tells the destination in which slots the pages lie that the paused guest has in the store. */
  *settle(): Algorithm<void> {
    const { host } = this.#session.side.guest;
    if (!host?.sharesStore) return;
    this.#hasBegun = true;
    this.#sort(host.slotOf);
    this.count = this.#aside.length;
    const pairs = this.#aside.flatMap((gfn) => [gfn, host.slotOf(gfn)]);
    this.#aside = [];
    for (let from = 0; from < this.count; from += MAX_SLOTS) {
      const pages = Math.min(MAX_SLOTS, this.count - from);
      yield* this.#session.sendFrame(slotsFrameBytes(pages), (room) =>
        encodeSlots(room.memory, room.at, pairs, from, pages, room.sequence),
      );
    }
  }
}
