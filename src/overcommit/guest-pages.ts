import { type GuestMemory, slotOf } from '../memory/guest-memory.ts';
import { gateBytes, PageGate } from '../memory/gate/page-gate.ts';
import {
  PAGE_PAGED,
  PAGE_PROTECTED,
  PAGE_RELEASED,
  PAGE_SHARED,
  PAGE_SWAPPED,
} from '../memory/kernels/abi.ts';
import type { Fence } from '../memory/handshake/fence.ts';
import { GATE_SAMPLING, GATE_SHARING, GATE_SWAP } from '../memory/handshake/words.ts';
import { pageStates } from '../memory/page-states.ts';
import {
  ByteContents,
  type InitialContents,
  type PageContents,
  storedBytesAt,
  VersionContents,
} from './page-contents.ts';

/** No machine page. */
export const NONE = -1;
/** In place of a machine page: the page is in the guest's balloon, as far as its host knows. */
const BALLOONED = -2;

/**
 * A guest's pages as its host sees them: the pmap, which gives each page its machine page, the swap slots of those that
 * are swapped out, and the gates that stop the guest where the host must act first (Waldspurger, OSDI 2002, section 2).
 * A page that has neither has never been touched; it reads zero once it is.
 */
export class GuestPages {
  /** The guest's number on its host. */
  readonly guest: number;
  readonly memory: GuestMemory;
  readonly gate: PageGate;
  readonly contents: PageContents;
  /** The machine page of each page, less than 0 for those that have none. */
  readonly machinePages: Int32Array;
  /** The slot of the swap store of each page, NO_SLOT for those that are not swapped out. */
  readonly swapSlots: Int32Array;
  /** Pages that somebody is about to read, so that they stay in memory. */
  readonly pinned = new Set<number>();
  readonly #gates: readonly Uint8Array[];
  /** What the guest itself takes its pages for. */
  readonly #states: readonly Uint8Array[];
  readonly #hashMask: number;
  readonly #fence: Fence | undefined;
  /** How many pages have a machine page, are shared, are swapped out. */
  allocated = 0;
  shared = 0;
  swapped = 0;

  /**
   * All pages begin without a machine page. `words` are the handshake's, of the side on which the guest runs. `fence` is
   * that of a guest whose vCPUs run in threads of their own while the host acts; without it they stand still meanwhile.
   */
  constructor(
    guest: number,
    memory: GuestMemory,
    words: Int32Array,
    initial: InitialContents,
    hashBits = 64,
    fence?: Fence,
  ) {
    this.#fence = fence;
    const isCounted = memory.slots[0]!.layout.backing === 'versions';
    this.contents = isCounted
      ? new VersionContents(memory, guest, initial)
      : new ByteContents(memory);
    this.#hashMask = hashBits < 32 ? (1 << hashBits) - 1 : -1;
    this.guest = guest;
    this.memory = memory;
    this.gate = new PageGate(memory, words);
    this.machinePages = new Int32Array(memory.pages).fill(NONE);
    // Nothing is written here, so that it takes no memory as long as nothing is swapped out.
    this.swapSlots = new Int32Array(memory.pages);
    this.#gates = memory.slots.map(gateBytes);
    this.#states = memory.slots.map(pageStates);
    this.gate.mark(0, memory.pages, PAGE_SWAPPED);
    this.gate.turnOn(GATE_SHARING | GATE_SWAP | GATE_SAMPLING);
  }

  /** The bytes that stand for a page. */
  bytesOf(gfn: number): Uint8Array {
    return storedBytesAt(this.memory, gfn);
  }

  isShared(gfn: number): boolean {
    return (this.gateOf(gfn) & PAGE_SHARED) !== 0;
  }

  /** Reads the 64-bit hash of a page's contents, as its low and its high word, into `out`. */
  identify(gfn: number, out: Int32Array): void {
    this.contents.hash(gfn, out);
    if (this.#hashMask === -1) return;
    out[0]! &= this.#hashMask;
    out[1] = 0;
  }

  /** Whether the page has a machine page. */
  isResident(gfn: number): boolean {
    return this.machinePages[gfn]! >= 0;
  }

  /** Whether the page is in the guest's balloon, as far as its host knows. */
  isBallooned(gfn: number): boolean {
    return this.machinePages[gfn] === BALLOONED;
  }

  /** Whether the guest itself knows that the page, or the frame that it had, is in its balloon. */
  isKnownInGuest(gfn: number): boolean {
    const { layout } = slotOf(this.memory, gfn);
    const state = this.#states[layout.index]![gfn - layout.firstGfn]!;
    return state === PAGE_RELEASED || state === PAGE_PAGED;
  }

  /** Notes that a page without a machine page is in the guest's balloon. */
  balloon(gfn: number): void {
    this.machinePages[gfn] = BALLOONED;
  }

  /** Notes that a page is no longer in the guest's balloon. It reads zero at its next access. */
  unballoon(gfn: number): void {
    if (this.isBallooned(gfn)) this.machinePages[gfn] = NONE;
  }

  /** Returns the pages that use a machine page. */
  pagesOf(machinePage: number): number[] {
    const found: number[] = [];
    let gfn = this.machinePages.indexOf(machinePage);
    for (; gfn >= 0; gfn = this.machinePages.indexOf(machinePage, gfn + 1)) found.push(gfn);
    return found;
  }

  /** The page's gate (PAGE_*). */
  gateOf(gfn: number): number {
    const { layout } = slotOf(this.memory, gfn);
    return Atomics.load(this.#gates[layout.index]!, gfn - layout.firstGfn);
  }

  /**
   * Gives a page whose bytes are complete a machine page of its own. A guest that stands still may access the page at
   * once; one that runs may not before `release`, since its host may have to wait for the page's bytes.
   */
  map(gfn: number, machinePage: number): void {
    this.machinePages[gfn] = machinePage;
    this.allocated++;
    if (!this.#fence) this.#unmark(gfn, PAGE_SWAPPED);
  }

  /** Takes a page's machine page away; the guest's next access to the page stops. Returns the machine page. */
  unmap(gfn: number): number {
    const machinePage = this.machinePages[gfn]!;
    this.gate.mark(gfn, 1, PAGE_SWAPPED);
    this.machinePages[gfn] = NONE;
    this.allocated--;
    return machinePage;
  }

  /** Has a page use a machine page that others share; the guest's next write to it stops. */
  share(gfn: number, machinePage: number): void {
    this.machinePages[gfn] = machinePage;
    this.shared++;
    this.gate.mark(gfn, 1, PAGE_SHARED);
  }

  /** Ends a page's sharing. Its machine page is `machinePage` from now on. */
  unshare(gfn: number, machinePage: number): void {
    this.machinePages[gfn] = machinePage;
    this.shared--;
    this.#unmark(gfn, PAGE_SHARED);
  }

  /** Whether the guest runs while its host acts, so that a page must be held before its bytes are taken or compared. */
  get isConcurrent(): boolean {
    return this.#fence !== undefined;
  }

  /**
   * Stops the guest's accesses to a page (PAGE_SWAPPED) or its writes (PAGE_PROTECTED), which counts only after the next
   * `settle`: until then a vCPU may be making an access whose gate it has looked at before. Returns false, and does
   * nothing, for a page that is absent, shared, or stopped already, as one is that is on its way in.
   */
  hold(gfn: number, bit: number): boolean {
    if (!this.isResident(gfn) || this.isShared(gfn)) return false;
    if (!this.#fence) return true;
    if ((this.gateOf(gfn) & (PAGE_SWAPPED | PAGE_PROTECTED)) !== 0) return false;
    this.gate.mark(gfn, 1, bit);
    return true;
  }

  /** Stops all accesses to a page, shared or not, from the next `settle` on, until it is unmapped or released. */
  shut(gfn: number): void {
    this.gate.mark(gfn, 1, PAGE_SWAPPED);
  }

  /** Blocks until all that is held is not accessed, or not written, by any vCPU. */
  settle(): void {
    this.#fence?.();
  }

  /** Ends a hold. An access that the page's state does not stop may be made at once; a page that is absent stays so. */
  release(gfn: number): void {
    if (!this.#fence) return;
    this.#unmark(gfn, this.isResident(gfn) ? PAGE_SWAPPED | PAGE_PROTECTED : PAGE_PROTECTED);
  }

  #unmark(gfn: number, bits: number): void {
    const slot = slotOf(this.memory, gfn);
    this.gate.unmark(slot, gfn - slot.layout.firstGfn, bits);
  }
}
