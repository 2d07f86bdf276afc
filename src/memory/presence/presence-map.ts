import { type GuestMemory, slotOf } from '../guest-memory.ts';
import { gateBytes, PageGate, replaceBits } from '../gate/page-gate.ts';
import { GATE_PRESENCE, wantedOf } from '../handshake/words.ts';
import { PAGE_ABSENT, PAGE_BUFFERED, PAGE_PRESENCE, PAGE_PRESENT } from '../kernels/abi.ts';
import type { Memslot } from '../memslot.ts';
import { faultSteps } from './steps.ts';

/**
 * Says which pages of a guest are present while it runs before all of them have arrived (post-copy). This is the
 * engine's side; PageWaiter is a vCPU's. Gfns are the guest's.
 */
export class PresenceMap {
  readonly #memory: GuestMemory;
  readonly #maps: readonly Uint8Array[];
  readonly #words: Int32Array;
  readonly #writers: number;
  readonly #gate: PageGate;
  #absentPages = 0;
  #arrivalState = PAGE_PRESENT;
  #discardEnd = 0;

  constructor(memory: GuestMemory, words: Int32Array, writers: number) {
    this.#memory = memory;
    this.#maps = memory.slots.map(gateBytes);
    this.#words = words;
    this.#gate = new PageGate(memory, words);
    this.#writers = writers;
    // The layer is still off, so no vCPU reads its bits yet; those of other layers stay.
    for (const map of this.#maps) replaceBits(map, 0, map.length, PAGE_PRESENCE, PAGE_PRESENT);
  }

  /** The number of pages that have yet to arrive. */
  get absent(): number {
    return this.#absentPages;
  }

  /**
   * Makes a range of pages absent, because what they hold is stale; to be called before a vCPU runs. Ranges must come
   * in ascending order. Returns false, and does nothing, when this one does not lie behind the one before.
   */
  discard(firstGfn: number, pages: number): boolean {
    if (firstGfn < this.#discardEnd) return false;
    this.#discardEnd = firstGfn + pages;
    this.#absentPages += pages;
    let at = firstGfn;
    while (at < firstGfn + pages) {
      const { layout } = slotOf(this.#memory, at);
      const from = at - layout.firstGfn;
      const to = Math.min(layout.pages, firstGfn + pages - layout.firstGfn);
      replaceBits(this.#maps[layout.index]!, from, to, PAGE_PRESENCE, PAGE_ABSENT);
      at = layout.firstGfn + to;
    }
    return true;
  }

  /**
   * Lists runs of present pages from gfn `from` on: fills `list` with at most `most` pairs (first gfn, pages). Returns
   * the gfn at which the next call goes on; it is the guest's number of pages when all are listed.
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
   * Has vCPUs check presence before each access; to be called before they run. With `buffered` a page that arrives
   * lies in a buffer until the guest's first access takes it, as with a page that is swapped in.
   */
  begin(buffered = false): void {
    this.#arrivalState = buffered ? PAGE_BUFFERED : PAGE_PRESENT;
    this.#gate.turnOn(GATE_PRESENCE);
  }

  /** Ends the checks, when every page is present. */
  end(): void {
    this.#gate.turnOff(GATE_PRESENCE);
  }

  /** Reserves an absent page, whose bytes the caller writes next; false when it is not absent (any more). */
  claim(slot: Memslot, page: number): boolean {
    return faultSteps.claim(this.#maps[slot.layout.index]!, page);
  }

  /** Makes a claimed page absent again; the vCPUs that wait for it go on waiting. */
  abandon(slot: Memslot, page: number): void {
    faultSteps.abandon(this.#maps[slot.layout.index]!, page);
  }

  /** Makes a claimed page present, when its bytes are complete, and wakes the vCPUs that wait for it. */
  publish(slot: Memslot, page: number): void {
    faultSteps.publish(this.#maps[slot.layout.index]!, page, this.#arrivalState);
    this.#absentPages--;
    const gfn = slot.layout.firstGfn + page;
    for (let writer = 1; writer < this.#writers; writer++) {
      if (!faultSteps.isWanted(this.#words, writer, gfn)) continue;
      const isGranted = faultSteps.grant(this.#words, writer, gfn);
      if (isGranted && faultSteps.isAsleep(this.#words, writer)) {
        Atomics.notify(this.#words, wantedOf(writer));
      }
    }
  }

  /** Returns the gfn of the page that a writer waits for, -1 when it waits for none. */
  wantedBy(writer: number): number {
    return Atomics.load(this.#words, wantedOf(writer)) - 1;
  }
}

/** Returns the first page from `from` on whose presence is `isPresent`; the map's length when there is none. */
function nextOf(map: Uint8Array, from: number, isPresent: boolean): number {
  let page = from;
  while (page < map.length && faultSteps.isPresent(map, page) !== isPresent) page++;
  return page;
}
