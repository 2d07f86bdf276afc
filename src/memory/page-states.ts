import { type GuestMemory, GuestPageSet } from './guest-memory.ts';
import { PAGE_FREE, PAGE_RELEASED, PAGE_USED } from './kernels/abi.ts';
import type { Memslot } from './memslot.ts';

/** Returns the page states of a slot, a byte a page; the guest's memory manager writes them. */
export function pageStates({ buffer, layout }: Memslot): Uint8Array {
  return new Uint8Array(buffer, layout.states, layout.pages);
}

/**
 * The states that a guest's memory manager has given its pages, as the engine sees them. While vCPUs run a state that
 * is read here is only a hint; once they are parked it is reliable. Gfns are the guest's.
 */
export class PageStates {
  readonly #memory: GuestMemory;
  readonly #states: readonly Uint8Array[];

  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.#states = memory.slots.map(pageStates);
  }

  /** Returns the number of pages in each state. */
  counts(): { readonly released: number; readonly free: number; readonly used: number } {
    const counts = [0, 0, 0, 0, 0, 0];
    for (const states of this.#states) for (const state of states) counts[state]!++;
    return { released: counts[PAGE_RELEASED]!, free: counts[PAGE_FREE]!, used: counts[PAGE_USED]! };
  }

  /** Sets every page to `used`: a destination assumes that until it is told otherwise. */
  reset(): void {
    for (const states of this.#states) states.fill(PAGE_USED);
  }

  /** Calls `take` for every run of pages in a state, in the order of gfns. */
  eachRun(state: number, take: (gfn: number, pages: number) => void): void {
    for (const [index, states] of this.#states.entries()) {
      const { firstGfn } = this.#memory.slots[index]!.layout;
      for (let from = states.indexOf(state); from >= 0; from = states.indexOf(state, from)) {
        let to = from + 1;
        while (to < states.length && states[to] === state) to++;
        take(firstGfn + from, to - from);
        from = to;
      }
    }
  }

  /** Calls `take` for every run of pages that are in one of some states, in the order of gfns. */
  eachRunOf(wanted: readonly number[], take: (gfn: number, pages: number) => void): void {
    for (const [index, states] of this.#states.entries()) {
      const { firstGfn } = this.#memory.slots[index]!.layout;
      for (let from = 0; from < states.length; from++) {
        if (!wanted.includes(states[from]!)) continue;
        let to = from + 1;
        while (to < states.length && wanted.includes(states[to]!)) to++;
        take(firstGfn + from, to - from);
        from = to;
      }
    }
  }

  /** Sets the state of a range of pages. */
  set(firstGfn: number, pages: number, state: number): void {
    for (const [index, states] of this.#states.entries()) {
      const { layout } = this.#memory.slots[index]!;
      const from = Math.max(0, firstGfn - layout.firstGfn);
      const to = Math.min(layout.pages, firstGfn + pages - layout.firstGfn);
      if (to > from) states.fill(state, from, to);
    }
  }

  /** Moves the pages that are in a state from one set to another; returns how many it has moved. */
  move(state: number, from: GuestPageSet, to: GuestPageSet): number {
    const before = from.count;
    this.eachRun(state, (gfn, pages) => from.moveRange(gfn, pages, to));
    return before - from.count;
  }
}

/** Returns an empty set, in which pages are set aside while the pages of another set are sent. */
export function createAsideSet(memory: GuestMemory): GuestPageSet {
  const set = new GuestPageSet(memory, ({ layout }) => layout.asideMap);
  set.clear();
  return set;
}
