import type { GuestMemory, GuestPageSet } from '../guest-memory.ts';
import type { EngineHandshake } from '../handshake/engine.ts';
import type { SlotLayout } from '../layout.ts';
import type { Memslot } from '../memslot.ts';
import type { RingWriter, SharedRings } from './rings.ts';

/** The kinds of dirty logs; each has a file beside this one (`bitmap` and `bytemap` share flip.ts). */
export type DirtyLogKind = 'bitmap' | 'bytemap' | 'atomic' | 'ring' | 'none';

/**
 * A dirty log as the engine drives it. `start`, `harvest` and `stop` only ask for something; it has taken effect once
 * `isSettled()` returns true, when all writers have acknowledged. No write is lost, because a writer stores its data
 * first and marks the page after, and the engine collects the marks first and reads the pages after.
 */
export interface DirtyLog {
  readonly kind: DirtyLogKind;
  /** Asks for logging; once it has settled, every write is marked. */
  start(this: void): void;
  /** Asks for the marks made so far. */
  harvest(this: void): void;
  /** Asks for the end of logging. */
  stop(this: void): void;
  /** Whether every writer has answered the last request. */
  isSettled(this: void): boolean;
  /** Moves the marks of a settled harvest into `target`; returns how many pages are new there. */
  collect(this: void, target: GuestPageSet): number;
  /** Moves all marks into `target` while every writer is parked; returns how many pages are new there. */
  collectLast(this: void, target: GuestPageSet): number;
  /**
   * Returns the byte addresses of the maps of a slot that writers are marking now. To read them is racy and gives only
   * a hint; the marks stay where they are.
   */
  liveMaps(this: void, slot: Memslot): readonly number[];
  /**
   * Makes room for a writer that waits for it because its ring is full. The engine calls this whenever it checks for
   * news, also while it waits.
   */
  makeRoom(this: void): void;
  /** Returns what the rings of a log `ring` have counted, one entry a vCPU; other logs have no entries. */
  ringCounts(this: void): readonly RingCounts[];
}

/** What the ring of one vCPU has counted. */
export interface RingCounts {
  /** The number of entries that the engine has taken out of the ring. */
  readonly entries: number;
  /** How often the vCPU has found its ring full and waited. */
  readonly stalls: number;
}

/** A writer's side of a log, which says how and where it marks pages. */
export interface WriterMarks {
  /** The kind of mark, a MARK_* of the kernels. */
  readonly mark: number;
  /** Returns the byte address of the map that a writer marks in a slot during an epoch. */
  mapOf(layout: SlotLayout, writer: number, epoch: number): number;
  /** The writer's ring, if the log has rings. It must have room for a whole batch before the batch's first access. */
  readonly ring?: RingWriter;
}

/** What a dirty log is made of. */
export interface DirtyLogParts {
  readonly memory: GuestMemory;
  readonly handshake: EngineHandshake;
  /** The rings of a log `ring`. */
  readonly rings?: SharedRings;
}
