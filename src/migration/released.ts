import { PAGE_FREE, PAGE_RELEASED } from '../memory/kernels/abi.ts';
import type { GuestPageSet } from '../memory/guest-memory.ts';
import type { Algorithm, GuestManager, SourceGuest } from './ports.ts';
import type { RangesName } from '../wire/ranges.ts';

/** What ReleasedPages needs of the session that it belongs to. */
export interface ReleasingSession {
  readonly side: { readonly guest: SourceGuest };
  /** The pages that have yet to be sent. */
  readonly unsent: GuestPageSet;
  guestSettled(): Algorithm<void>;
  sendRanges(
    name: RangesName,
    each: (take: (gfn: number, pages: number) => void) => void,
  ): Algorithm<void>;
}

/**
 * Pages that the guest has given back are not sent: their content is known. One found so when its turn
 * comes is set aside, as Xen does with a page that has no machine frame (xc_linux_save.c, to_fix); once
 * the guest stands still the destination is told which pages read zero, and those that the guest has
 * got back meanwhile are sent.
 */
export class ReleasedPages {
  readonly #session: ReleasingSession;
  #seen = -1;
  /** Pages that were given back when the guest was stopped. */
  count = 0;

  constructor(session: ReleasingSession) {
    this.#session = session;
  }

  /** Before a migration: has free pages given back, if that is wanted. */
  *begin(): Algorithm<void> {
    const { manager } = this.#session.side.guest;
    if (!manager) return;
    manager.aside.clear();
    manager.release();
    yield* this.#session.guestSettled();
  }

  /** Pages to be sent that the guest has given back are set aside; looked at after each inflation. */
  setAside(hasHarvested: boolean): void {
    const { manager } = this.#session.side.guest;
    const { unsent } = this.#session;
    if (!manager) return;
    const balloonings = manager.balloonings();
    if (!hasHarvested && balloonings === this.#seen) return;
    this.#seen = balloonings;
    // What is dirty is sent anyway, once the guest has got it back.
    if (hasHarvested) manager.aside.removeCommon(unsent);
    manager.states.move(PAGE_RELEASED, unsent, manager.aside);
  }

  /** The guest stands still: says what it has given back, and what of the rest is free. */
  *settle(): Algorithm<void> {
    const { manager } = this.#session.side.guest;
    const { unsent } = this.#session;
    if (!manager) return;
    const { states, aside } = manager;
    unsent.moveAllFrom(aside);
    states.move(PAGE_RELEASED, unsent, aside);
    aside.clear();
    this.count = states.counts().released;
    yield* this.#session.sendRanges('released', (take) => states.eachRun(PAGE_RELEASED, take));
    yield* this.#session.sendRanges('free', (take) => states.eachRun(PAGE_FREE, take));
  }
}

/**
 * Pseudo-paging (Hines and Gopalan 2009, section 3.2): pages that can't be swapped out, the kernel's
 * and free ones, have to move while the guest stands still; the others are left for the target to
 * fault in. Leaves the first in `unsent`; `restore` puts the others back.
 */
export function pageableAside(
  { states, kernelPages, aside, pseudoPage }: GuestManager,
  unsent: GuestPageSet,
): { readonly restore: () => void } {
  const { pages } = unsent.memory;
  const all = unsent.count;
  unsent.moveRange(kernelPages, pages - kernelPages, aside);
  // What is free can't be swapped out either.
  states.eachRun(PAGE_FREE, (gfn, count) => aside.moveRange(gfn, count, unsent));
  pseudoPage(all - unsent.count);
  return { restore: () => unsent.moveAllFrom(aside) };
}
