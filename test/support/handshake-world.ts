import { WAIT } from '../../src/memory/handshake/steps.ts';
import { handshakeWords, PARKED, stateOf } from '../../src/memory/handshake/words.ts';

/**
 * The model enumerates every interleaving of an engine that pre-copies one page with writers that write
 * it. The handshake's steps are the program's own. A plain store stays in its writer's buffer at most
 * until the writer's next atomic access. Buffered stores reach memory one by one in any order, except
 * that stores to one place keep theirs. This is weaker than x86, and as weak as the memory model allows.
 */
export interface ModelOptions {
  readonly log: 'bitmap' | 'atomic';
  readonly writers: number;
  /** How many writes each writer makes. */
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

/** The state of a writer. */
export interface Writer {
  step: number;
  epoch: number;
  mode: number;
  done: number;
  buffer: Store[];
  /** The map (0 or 1) that a half-made write marks; -1 when no write is half made. */
  half: number;
  /** Whether the half of that write has marked already (bug) or written. */
  isHalfDone: boolean;
}

export interface World {
  words: number[];
  writers: Writer[];
  /** For each writer: its word of the page at the source and at the destination, and its two marks. */
  data: number[];
  copy: number[];
  marks: number[][];
  /** The atomic log's shared mark. */
  shared: number;
  engine: { at: number; part: number; isUnsent: boolean; found: boolean; epoch: number };
}

/** Copies a world. structuredClone would take most of a search's time. */
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
