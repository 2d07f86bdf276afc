import { type ModelBuffer, port } from './shared-memory.ts';

/** Threads over shared memory of the model, as a test sets them up. */
export interface World {
  /** What each thread does. The function is run many times; its objects must be created in it, each time anew. */
  readonly threads: Readonly<Record<string, () => unknown>>;
  /** Threads that need not end. */
  readonly endless?: readonly string[];
  /**
   * Judges every state in which all threads but the endless ones are over, given what the threads have returned;
   * returns what is wrong, or undefined. It may read the world's memory.
   */
  readonly judge?: (values: readonly unknown[]) => string | undefined;
  /**
   * Says that nothing in this world depends on what lies at a place: it keeps its value, whatever is stored there, and a
   * wait on it is over at once.
   */
  readonly ignores?: (place: string) => boolean;
  /** How many waits in all may end because their time is up; 0 when absent. A wait of 0 ms always does. */
  readonly timeouts?: number;
}

/** Returns each number below `options` in some schedule; `what` names the choice in a printed schedule. */
export function choose(options: number, what: string): number {
  return port.current.choose(options, what);
}

/**
 * Says that all that the thread does from now on depends only on `state`: values and objects, of which the program's
 * have their private fields looked at too. Two ways of a thread that come to equal milestones count as one way from
 * there on, so that a loop that goes round once more is no new way. What the thread itself has written to shared
 * memory counts as a part of the state anyway. The place in the code must follow from the state as well.
 */
export function milestone(...state: readonly unknown[]): void {
  port.current.milestone(state);
}

/** Creates a shared buffer for a world that is being set up; `nameOf` says what lies at a byte of it. */
export function sharedBuffer(bytes: number, nameOf?: (at: number) => string): SharedArrayBuffer {
  const buffer = port.current.createBuffer(bytes) as ModelBuffer;
  if (nameOf) buffer.nameOf = nameOf;
  // The program takes it for a real one, since it has the typed arrays of the model.
  return buffer as unknown as SharedArrayBuffer;
}

/** Says what lies at the bytes of a buffer that the program has created for a world. */
export function nameBytes(buffer: SharedArrayBuffer, nameOf: (at: number) => string): void {
  (buffer as unknown as ModelBuffer).nameOf = nameOf;
}
