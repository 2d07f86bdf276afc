import { PAGE_FREE, PAGE_PAGED, PAGE_RELEASED } from '../memory/kernels/abi.ts';
import type { GuestPageSet } from '../memory/guest-memory.ts';
import type { Algorithm, GuestManager } from './ports.ts';
import type { ReleasingSession } from './releasing-session.ts';
import { SwappedPages } from './swapped.ts';

/** The states of pages whose frames the guest has given back. */
const GIVEN_BACK = [PAGE_RELEASED, PAGE_PAGED];

/**
 * Keeps pages from being sent that the guest has given back, since they read zero. They are moved from
 * the unsent pages to a set of their own, as Xen does with pages that have no machine frame
 * (xc_linux_save.c, to_fix). Once the guest is paused, the destination is told which pages read zero, and
 * those that the guest has got back meanwhile are sent. A page that the guest has on its own disk has given its frame
 * back as well; hosts that a guest moves between reach the same disks. What the host has swapped out is dealt with here
 * too (SwappedPages).
 */
export class ReleasedPages {
  readonly #session: ReleasingSession;
  readonly swapped: SwappedPages;
  /** The value of `balloonings()` at the last look. */
  #lastBalloonings = -1;
  /** The number of pages that were given back when the guest was stopped. */
  count = 0;

  constructor(session: ReleasingSession) {
    this.#session = session;
    this.swapped = new SwappedPages(session);
  }

  /** Before the first round, makes the guest give its free pages back, if the scenario wants that. */
  *begin(): Algorithm<void> {
    const { manager } = this.#session.side.guest;
    if (!manager) return;
    manager.aside.clear();
    manager.release();
    yield* this.#session.guestSettled();
  }

  /** Moves unsent pages aside that the guest has given back; looks only after a ballooning or a harvest. */
  setAside(hasHarvested: boolean): void {
    const { manager } = this.#session.side.guest;
    const { unsent } = this.#session;
    this.swapped.setAside(hasHarvested);
    if (!manager) return;
    const balloonings = manager.balloonings();
    if (!hasHarvested && balloonings === this.#lastBalloonings) return;
    this.#lastBalloonings = balloonings;
    // A page that is dirty again is among the unsent ones and need not be kept here.
    if (hasHarvested) manager.aside.removeCommon(unsent);
    for (const state of GIVEN_BACK) manager.states.move(state, unsent, manager.aside);
  }

  /** Tells the destination which pages the paused guest has given back, and which of the others are free. */
  *settle(): Algorithm<void> {
    const { manager } = this.#session.side.guest;
    this.swapped.putBack();
    if (manager) yield* this.#tellReleased(manager);
    yield* this.swapped.settle();
  }

  *#tellReleased({ states, aside }: GuestManager): Algorithm<void> {
    const { unsent } = this.#session;
    unsent.moveAllFrom(aside);
    for (const state of GIVEN_BACK) states.move(state, unsent, aside);
    aside.clear();
    this.count = states.counts().released;
    yield* this.#session.sendRanges('released', (take) => states.eachRunOf(GIVEN_BACK, take));
    yield* this.#session.sendRanges('free', (take) => states.eachRun(PAGE_FREE, take));
  }
}

/**
 * Splits the unsent pages for pseudo-paging (Hines and Gopalan 2009, section 3.2). Pages that can't be
 * swapped out, those of the kernel and free ones, stay in `unsent`, to be sent while the guest is paused;
 * all others are taken out, and `restore` puts them back for the destination to fault in.
 */
export function pageableAside(
  { states, kernelPages, aside, pseudoPage }: GuestManager,
  unsent: GuestPageSet,
): { readonly restore: () => void } {
  const { pages } = unsent.memory;
  const all = unsent.count;
  unsent.moveRange(kernelPages, pages - kernelPages, aside);
  // Free pages can't be swapped out either.
  states.eachRun(PAGE_FREE, (gfn, count) => aside.moveRange(gfn, count, unsent));
  pseudoPage(all - unsent.count);
  return { restore: () => unsent.moveAllFrom(aside) };
}
