import { HINT_DONE, HINT_FIRST_ID, HINT_STOP } from '../memory/handshake/words.ts';
import type { WriterHandshake } from '../memory/handshake/writer.ts';
import { HintWriter, type SharedHints } from '../memory/hint-queues.ts';
import { ACCESS_READ_BIT, PAGE_FREE, PAGE_HINTED } from '../memory/kernels/abi.ts';
import type { Memslot } from '../memory/memslot.ts';
import { type HintBlock, hintBlocks } from './hint-blocks.ts';
import type { ManagedPages } from './managed-pages.ts';
import type { MemoryManager } from './memory-manager.ts';
import type { GuestPlan } from './stream-plan.ts';

export interface HintDriverParts {
  readonly vcpu: number;
  readonly plan: GuestPlan;
  readonly slots: readonly Memslot[];
  readonly handshake: WriterHandshake;
  readonly queues: SharedHints;
  /** The vCPU's part of the memory manager. */
  readonly manager: MemoryManager;
}

/**
 * The guest's driver of free-page hinting: one vCPU's part of it, which hints the pages that its part of the memory
 * manager manages (Linux, drivers/virtio/virtio_balloon.c, report_free_page_func and get_free_page_and_send). When the
 * host shows a new id, the driver answers with that id and then sends the blocks that are free throughout, one after
 * another. It holds them, so that the guest uses other free pages meanwhile, until the host says DONE; freeing them
 * would dirty memory. Under memory pressure it lets some go earlier. It may do so before the host has come to their hints
 * (virtio 1.2, section 5.5.6.7.1), but then it must initialize a page first: here it zeroes it, as a write that the
 * dirty log sees, also if the access that follows only reads.
 */
export class HintDriver {
  readonly #parts: HintDriverParts;
  readonly #queue: HintWriter;
  readonly #blocks: readonly HintBlock[];
  /** The command that it has answered last. */
  #command = HINT_STOP;
  /** The next block to look at for the id that it answers, and whether it has yet to say that there are no more. */
  #next = 0;
  #isSending = false;
  /** How many pages it holds; a guest that takes one of them takes another free page in truth, if there is one. */
  #heldPages = 0;

  constructor(parts: HintDriverParts) {
    const { plan, slots, manager, queues, vcpu } = parts;
    this.#parts = parts;
    this.#queue = new HintWriter(queues, vcpu);
    this.#blocks = hintBlocks(manager.pages.ranges, slots, plan.manager!.hintBlockPages!);
  }

  /** Takes notice of the host's command; returns whether there may be blocks to send. */
  attend(): boolean {
    const command = this.#parts.handshake.hintCommand();
    if (command !== this.#command && this.#answer(command)) this.#command = command;
    return this.#isSending;
  }

  /** Begins to answer a command; returns false if the queue has no room for the answer yet. */
  #answer(command: number): boolean {
    const isId = command >= HINT_FIRST_ID;
    this.#isSending = isId && this.#queue.putCommand(command);
    this.#next = 0;
    if (command === HINT_DONE) this.#letGo();
    return this.#isSending || !isId;
  }

  /** The pages may be used again as they are: none of their bytes has changed here. */
  #letGo(): void {
    const { pages } = this.#parts.manager;
    for (const range of pages.ranges) pages.unhint(range);
    this.#heldPages = 0;
  }

  /** Returns whether one more block is free; looks past those that are not, and tells the host if there are no more. */
  seek(): boolean {
    const { pages } = this.#parts.manager;
    const { length } = this.#blocks;
    while (this.#next < length && !isAllFree(pages, this.#blocks[this.#next]!)) this.#next++;
    if (this.#next < length) return true;
    if (this.#queue.putCommand(HINT_STOP)) this.#isSending = false;
    return false;
  }

  /**
   * Sends the block that `seek` has found, if it is still free. Returns false when the queue has no room for it; a block
   * that is free no longer counts as done.
   */
  send(): boolean {
    const { manager, slots } = this.#parts;
    const { pages } = manager;
    const block = this.#blocks[this.#next]!;
    if (!isAllFree(pages, block)) return true;
    const { slot, page, pages: count } = block;
    if (!this.#queue.putBlock(slots[slot]!.layout.firstGfn + page, count)) return false;
    pages.hint(slot, page, count);
    this.#heldPages += count;
    this.#next++;
    return true;
  }

  /**
   * Makes the hinted pages of an access list free pages, whose bytes are zeros; returns the time that it takes. When no
   * other page is free, that is memory pressure, and some blocks are held no longer.
   */
  admit(slot: Memslot, list: number, count: number): number {
    const { pages, zeroed } = this.#parts.manager;
    if (this.#heldPages === 0 && pages.count(PAGE_HINTED) === 0) return 0;
    const states = pages.states[slot.layout.index]!;
    const { words } = slot;
    const at = list >>> 2;
    let ns = 0;
    for (let i = slot.kernels.countPlain(list, count, slot.layout.states); i < count; i++) {
      const page = words[at + i]! & ~ACCESS_READ_BIT;
      if (states[page] !== PAGE_HINTED) continue;
      ns += this.#relieve();
      pages.set(slot.layout.index, page, PAGE_FREE);
      // To zero a page overwrites the first entry of the list.
      const first = words[at]!;
      zeroed.give(pages.rangeOf(slot, page), page, 0, 1);
      words[at] = first;
    }
    return ns;
  }

  /** Lets go of whole blocks if no other page is free; returns the time that this takes. */
  #relieve(): number {
    const { manager, plan } = this.#parts;
    const { pages } = manager;
    const others = pages.free + pages.count(PAGE_HINTED) - this.#heldPages;
    if (others > 0) return 0;
    const { deflatePages, hintBlockPages } = plan.manager!;
    const wanted = Math.ceil(deflatePages / hintBlockPages!) * hintBlockPages!;
    this.#heldPages -= Math.min(this.#heldPages, wanted);
    return manager.notePressure();
  }
}

function isAllFree(pages: ManagedPages, { slot, page, pages: count }: HintBlock): boolean {
  const states = pages.states[slot]!;
  for (let i = page; i < page + count; i++) if (states[i] !== PAGE_FREE) return false;
  return true;
}
