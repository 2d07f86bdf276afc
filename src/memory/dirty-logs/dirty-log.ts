import type { GuestMemory, GuestPageSet } from '../guest-memory.ts';
import type { EngineHandshake } from '../handshake/engine.ts';
import type { SlotLayout } from '../layout.ts';
import type { Memslot } from '../memslot.ts';
import type { RingWriter, SharedRings } from './rings.ts';

export type DirtyLogKind = 'bitmap' | 'bytemap' | 'atomic' | 'ring' | 'none';

/**
 * A dirty log as the engine drives it. `start`, `harvest` and `stop` only ask; once `isSettled()`
 * (the writers have acknowledged) the answer counts. Order that keeps every byte: a writer stores
 * its data first and marks after; the engine collects the marks first and reads the pages after.
 */
export interface DirtyLog {
  readonly kind: DirtyLogKind;
  /** Asks for logging; when settled, every write from now on is marked. */
  start(this: void): void;
  /** Asks for the marks made so far. */
  harvest(this: void): void;
  /** Asks for the end of logging. */
  stop(this: void): void;
  /** Whether every writer has answered what was asked last. */
  isSettled(this: void): boolean;
  /** After a settled harvest: moves its marks into `target`, returns how many pages are new there. */
  collect(this: void, target: GuestPageSet): number;
  /** While every writer is parked: moves all marks there are, of both halves, into `target`. */
  collectLast(this: void, target: GuestPageSet): number;
  /**
   * Maps of a slot that writers are marking now, for peeking: a racy hint. What it shows stays marked.
   */
  liveMaps(this: void, slot: Memslot): readonly number[];
  /**
   * Makes room where a writer waits for some (a full ring); to be called whenever the engine looks
   * for news, in every wait too.
   */
  tend(this: void): void;
  /** What the rings of a log `ring` have seen, by vCPU; empty for the others. */
  ringCounts(this: void): readonly RingCounts[];
}

export interface RingCounts {
  /** Pages that were pushed. */
  readonly entries: number;
  /** How often the vCPU found its ring full and waited. */
  readonly stalls: number;
}

/** A writer's side of a log: how and where it marks. */
export interface WriterMarks {
  /** A mark kind of the kernels. */
  readonly mark: number;
  /** Byte address of the map that a writer marks in a slot during an epoch. */
  mapOf(layout: SlotLayout, writer: number, epoch: number): number;
  /** The writer's ring, which has to have room for a whole batch before its first access. */
  readonly ring?: RingWriter;
}

export interface DirtyLogParts {
  readonly memory: GuestMemory;
  readonly handshake: EngineHandshake;
  /** Of the log `ring`. */
  readonly rings?: SharedRings;
}
