import { type GuestMemory, GuestPageSet } from './guest-memory.ts';
import { PAGE_FREE, PAGE_RELEASED, PAGE_USED } from './kernels/abi.ts';
import type { Memslot } from './memslot.ts';

/** The state bytes of a slot of a managed guest; its memory manager writes them. */
export function pageStates({ buffer, layout }: Memslot): Uint8Array {
  return new Uint8Array(buffer, layout.states, layout.pages);
}

/**
 * What a guest's memory manager has made of its pages, as the engine sees it. While vCPUs run a look
 * is only a hint; once they are parked it counts. Gfns are the guest's.
 */
export class PageStates {
  readonly #memory: GuestMemory;
  readonly #states: readonly Uint8Array[];

  constructor(memory: GuestMemory) {
    this.#memory = memory;
    this.#states = memory.slots.map(pageStates);
  }

  /** Pages in each state. */
  counts(): { readonly released: number; readonly free: number; readonly used: number } {
    const counts = [0, 0, 0];
    for (const states of this.#states) for (const state of states) counts[state]!++;
    return { released: counts[PAGE_RELEASED]!, free: counts[PAGE_FREE]!, used: counts[PAGE_USED]! };
  }

  /** A guest whose pages are all in use: before a destination has been told otherwise. */
  reset(): void {
    for (const states of this.#states) states.fill(PAGE_USED);
  }

  /** Calls `take` for every run of pages in a state, in order. */
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

  /** Sets the state of a range of pages. */
  set(firstGfn: number, pages: number, state: number): void {
    for (const [index, states] of this.#states.entries()) {
      const { layout } = this.#memory.slots[index]!;
      const from = Math.max(0, firstGfn - layout.firstGfn);
      const to = Math.min(layout.pages, firstGfn + pages - layout.firstGfn);
      if (to > from) states.fill(state, from, to);
    }
  }

  /** Moves the pages that are in a state from one set to another; returns how many. */
  move(state: number, from: GuestPageSet, to: GuestPageSet): number {
    const before = from.count;
    this.eachRun(state, (gfn, pages) => from.moveRange(gfn, pages, to));
    return before - from.count;
  }
}

/** An empty set of pages beside the one that is to be sent. */
export function asideSet(memory: GuestMemory): GuestPageSet {
  const set = new GuestPageSet(memory, ({ layout }) => layout.asideMap);
  set.clear();
  return set;
}
