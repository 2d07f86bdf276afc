import type { WriterMarks } from '../memory/dirty-logs/dirty-log.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import type { WriterHandshake } from '../memory/handshake/writer.ts';
import type { Memslot } from '../memory/memslot.ts';
import { accessListAt } from '../memory/layout.ts';
import type { BalloonHost } from './guest-disk.ts';
import type { ManagedRange } from './managed-ranges.ts';
import type { GuestPlan } from './stream-plan.ts';
import { readAccesses } from './stream-record.ts';
import { markPages, type ZeroLog, zeroPages } from './zeroing.ts';

export interface ZeroingParts {
  readonly plan: GuestPlan;
  readonly memory: GuestMemory;
  readonly handshake: WriterHandshake;
  readonly marks: WriterMarks;
  readonly host?: BalloonHost | undefined;
}

/** What a vCPU's part of a memory manager zeroes: it is marked as written, and logged for the proof. */
export class ZeroedPages {
  readonly #parts: ZeroingParts;
  /** The zeroings of this side, which the proof replays at the same numbers of accesses. */
  readonly #log: number[] = [];

  constructor(parts: ZeroingParts) {
    this.#parts = parts;
  }

  get log(): ZeroLog {
    return this.#log;
  }

  /**
   * Gives pages of a range up to the host, or zeroes them when no host takes them: `pages` from `page` on, of which the
   * first `zeroed` are zero already. Both are fractions for a part of one page.
   */
  give(range: ManagedRange, page: number, zeroed: number, pages: number): void {
    const { host } = this.#parts;
    // A page that an overcommitted host takes reads zero when it comes back.
    if (host) host.surrender(this.#slotOf(range), page, pages);
    else zeroPages(this.#slotOf(range), page + zeroed, pages);
    this.note(range, page, zeroed, pages);
  }

  /** Zeroes a page of a range; one that belongs to none stays as it is. */
  zero(range: ManagedRange | undefined, page: number): void {
    if (!range) return;
    zeroPages(this.#slotOf(range), page, 1);
    this.note(range, page, 0, 1);
  }

  /** Marks and logs pages that read zero from now on. The data come first, then the marks. */
  note(range: ManagedRange, page: number, zeroed: number, pages: number): void {
    const { handshake, marks, plan, memory } = this.#parts;
    const { local } = handshake;
    const slot = this.#slotOf(range);
    if (local.mode !== 0) {
      // The vCPU's access list is free between two batches.
      const list = accessListAt(slot.layout, local.writer);
      markPages(slot, marks, local, list, page, Math.ceil(pages));
    }
    const { stream } = range;
    const n = stream < 0 ? 0 : readAccesses(memory.slots[plan.streams[stream]!.slot]!, stream);
    this.#log.push(stream, n, range.slot, page + zeroed, pages);
  }

  /** Marks a page that the guest has read from its disk, which is about to be accessed, and alone. */
  markRead(slot: Memslot, page: number): void {
    const { handshake, marks } = this.#parts;
    const { local } = handshake;
    if (local.mode === 0) return;
    // The vCPU's access list has one entry then.
    const list = accessListAt(slot.layout, local.writer) + 4;
    markPages(slot, marks, local, list, page, 1);
  }

  #slotOf({ slot }: ManagedRange): Memslot {
    return this.#parts.memory.slots[slot]!;
  }
}
