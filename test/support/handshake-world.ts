import { WAIT } from '../../src/memory/handshake/steps.ts';
import { handshakeWords, PARKED, stateOf } from '../../src/memory/handshake/words.ts';

/**
 * Enumerates every interleaving of an engine that pre-copies one page with writers that write it.
 * The handshake's steps are the program's own. Plain stores sit in a buffer of their writer and
 * reach memory one by one in any order (those to one place in theirs), at the latest before the
 * writer's next atomic access; that is weaker than x86 and as weak as the memory model allows.
 */
export interface ModelOptions {
  readonly log: 'bitmap' | 'atomic';
  readonly writers: number;
  /** Writes each writer makes. */
  readonly writes: number;
  readonly harvests: number;
  readonly bug?: Bug;
}

export type Bug =
  | 'test before mark'
  | 'mark before write'
  | 'harvest before acknowledgement'
  | 'acknowledgement before the window ends'
  | 'unpark without re-reading the epoch'
  | 'last set from one map'
  | 'read before harvest';

interface Store {
  readonly place: 'data' | 'mark0' | 'mark1';
  readonly value: number;
}

export interface Writer {
  step: number;
  epoch: number;
  mode: number;
  done: number;
  buffer: Store[];
  /** Half of the map that a write under way will mark, -1 when none is. */
  half: number;
  /** Whether the half of that write has marked already (bug) or written. */
  isHalfDone: boolean;
}

export interface World {
  words: number[];
  writers: Writer[];
  /** Per writer: its word of the page, here and at the destination, and its two marks. */
  data: number[];
  copy: number[];
  marks: number[][];
  /** The atomic log's shared mark. */
  shared: number;
  engine: { at: number; part: number; isUnsent: boolean; found: boolean; epoch: number };
}

/** By hand: structuredClone takes most of the time of a search otherwise. */
export function cloneWorld(world: World): World {
  return {
    words: world.words.slice(),
    writers: world.writers.map((writer) => ({ ...writer, buffer: writer.buffer.slice() })),
    data: world.data.slice(),
    copy: world.copy.slice(),
    marks: world.marks.map((marks) => marks.slice()),
    shared: world.shared,
    engine: { ...world.engine },
  };
}

export function initialWorld({ writers }: ModelOptions): World {
  const words = Array.from({ length: handshakeWords(writers) }, () => 0);
  for (let w = 0; w < writers; w++) words[stateOf(w)] = PARKED;
  const perWriter = <Value>(make: () => Value): Value[] => Array.from({ length: writers }, make);
  return {
    words,
    writers: perWriter(() => ({
      step: WAIT,
      epoch: 0,
      mode: 0,
      done: 0,
      buffer: [],
      half: -1,
      isHalfDone: false,
    })),
    data: perWriter(() => 0),
    copy: perWriter(() => 0),
    marks: perWriter(() => [0, 0]),
    shared: 0,
    engine: { at: 0, part: 0, isUnsent: true, found: false, epoch: 0 },
  };
}
