import type { EngineHandshake } from '../handshake/engine.ts';
import type { Memslot } from '../memslot.ts';
import type { PageSet } from '../page-set.ts';

export type DirtyLogKind = 'bitmap' | 'atomic' | 'none';

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
  collect(this: void, target: PageSet): number;
  /** While every writer is parked: moves all marks there are, of both halves, into `target`. */
  collectLast(this: void, target: PageSet): number;
  /**
   * Maps that writers are marking now, for peeking: a racy hint. What it shows stays marked.
   */
  liveMaps(this: void): readonly number[];
}

/** What a writer must know to mark: a kernel mark kind and the map of its current epoch. */
export interface MarkTarget {
  readonly mark: number;
  mapOf(writer: number, epoch: number): number;
}

export interface DirtyLogParts {
  readonly slot: Memslot;
  readonly handshake: EngineHandshake;
}
