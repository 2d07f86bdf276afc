import { type GuestMemory, slotOf } from '../guest-memory.ts';
import { gateBytes, PageGate } from '../gate/page-gate.ts';
import { GATE_PRESENCE, wantedOf } from '../handshake/words.ts';
import { PAGE_ABSENT, PAGE_BUFFERED, PAGE_PRESENT } from '../kernels/abi.ts';
import type { Memslot } from '../memslot.ts';
import { faultSteps } from './steps.ts';

/**
 * Which pages of a guest that runs before all of them have come are there (design rule 5): the
 * engine's side. Gfns are the guest's.
 */
export class PresenceMap {
  readonly #memory: GuestMemory;
  readonly #maps: readonly Uint8Array[];
  readonly #words: Int32Array;
  readonly #writers: number;
  readonly #gate: PageGate;
  #absent = 0;
  #arrived = PAGE_PRESENT;
  #discardedTo = 0;

  constructor(memory: GuestMemory, words: Int32Array, writers: number) {
    this.#memory = memory;
    this.#maps = memory.slots.map(gateBytes);
    this.#words = words;
    this.#gate = new PageGate(memory, words);
    this.#writers = writers;
    // The vCPUs don't look at the map before it is in use.
    for (const map of this.#maps) map.fill(PAGE_PRESENT);
  }

  /** Pages that have yet to come. */
  get absent(): number {
    return this.#absent;
  }

  /**
   * Makes a range of pages absent; only before a vCPU runs. What the range held is stale. Ranges come
   * in ascending order; false: this one does not lie behind the one before.
   */
  discard(firstGfn: number, pages: number): boolean {
    if (firstGfn < this.#discardedTo) return false;
    this.#discardedTo = firstGfn + pages;
    this.#absent += pages;
    let at = firstGfn;
    while (at < firstGfn + pages) {
      const { layout } = slotOf(this.#memory, at);
      const from = at - layout.firstGfn;
      const to = Math.min(layout.pages, firstGfn + pages - layout.firstGfn);
      this.#maps[layout.index]!.fill(PAGE_ABSENT, from, to);
      at = layout.firstGfn + to;
    }
    return true;
  }

  /**
   * Lists runs of pages that are there, from `from` on: (first gfn, pages) pairs into `list`, at most
   * `most` of them. Returns where to go on; `pages` of the guest when it was all.
   */
  listPresent(from: number, most: number, list: number[]): number {
    const { pages } = this.#memory;
    list.length = 0;
    let at = from;
    while (at < pages) {
      const { layout } = slotOf(this.#memory, at);
      const map = this.#maps[layout.index]!;
      const first = nextOf(map, at - layout.firstGfn, true);
      const end = nextOf(map, first, false);
      if (end > first) {
        if (list.length === 2 * most) return layout.firstGfn + first;
        list.push(layout.firstGfn + first, end - first);
      }
      at = layout.firstGfn + end;
    }
    return pages;
  }

  /**
   * From now on vCPUs look before they touch; before they run. `buffered`: a page that comes lies in a
   * buffer until the guest takes it, as one that it swaps in does.
   */
  begin(buffered = false): void {
    this.#arrived = buffered ? PAGE_BUFFERED : PAGE_PRESENT;
    this.#gate.turnOn(GATE_PRESENCE);
  }

  /** Every page is there: vCPUs need not look any more. */
  end(): void {
    this.#gate.turnOff(GATE_PRESENCE);
  }

  /** Takes an absent page for writing its bytes; false when it is not absent (any more). */
  claim(slot: Memslot, page: number): boolean {
    return faultSteps.claim(this.#maps[slot.layout.index]!, page);
  }

  /** The page's bytes are complete: lets vCPUs use it and wakes those that wait for it. */
  publish(slot: Memslot, page: number): void {
    faultSteps.publish(this.#maps[slot.layout.index]!, page, this.#arrived);
    this.#absent--;
    const gfn = slot.layout.firstGfn + page;
    for (let writer = 1; writer < this.#writers; writer++) {
      if (!faultSteps.isWanted(this.#words, writer, gfn)) continue;
      if (faultSteps.grant(this.#words, writer, gfn)) {
        Atomics.notify(this.#words, wantedOf(writer));
      }
    }
  }

  /** The page that a writer waits for; -1 when it waits for none. */
  wantedBy(writer: number): number {
    return Atomics.load(this.#words, wantedOf(writer)) - 1;
  }
}

/** The first page from `from` on that is present, or that is not; the map's end when there is none. */
function nextOf(map: Uint8Array, from: number, isPresent: boolean): number {
  let page = from;
  while (page < map.length && faultSteps.isPresent(map, page) !== isPresent) page++;
  return page;
}
