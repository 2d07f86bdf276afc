import { acknowledgedOf, EPOCH, MODE, PARKED, PAUSE, RUNNING, stateOf } from './words.ts';

/**
 * A writer's half of the handshake as a step machine: each step makes one atomic access, so that a
 * test can enumerate every interleaving of the very code that runs.
 *
 *        ┌────────────────────── poll ──────────────────────┐
 *   LOAD_EPOCH ─new→ LOAD_MODE → ACKNOWLEDGE → LOAD_PAUSE ─no→ RUN
 *        ▲  └──same──────────────────────────────▲   │yes
 *     UNPARK ← WAIT ← CHECK_PAUSE ← CHECK_EPOCH ← PARK (also from RUN, to sleep)
 *
 * Safety rests on two pairs of store-then-load: the engine stores the epoch (or pause) and then
 * loads the writer's state; the writer stores `running` and then loads epoch and pause. One of the
 * two always sees the other, so a writer that counts as parked touches no memory before it has
 * taken over the new epoch.
 */
export const LOAD_EPOCH = 0;
export const LOAD_MODE = 1;
export const ACKNOWLEDGE = 2;
export const LOAD_PAUSE = 3;
/** The writer may touch memory until it polls again. */
export const RUN_WINDOW = 4;
export const PARK = 5;
export const CHECK_EPOCH = 6;
export const CHECK_PAUSE = 7;
/** Parked: the writer blocks, sleeps, or goes on with UNPARK. */
export const WAIT = 8;
export const UNPARK = 9;

/** What a writer itself remembers. */
export interface WriterLocal {
  readonly writer: number;
  /** The epoch whose maps it marks. */
  epoch: number;
  /** Whether it marks at all: taken over together with an epoch. */
  mode: number;
  /** Set by a step after which the engine may be waiting for this writer: ring its doorbell. */
  hasNews: boolean;
}

export function writerLocal(writer: number): WriterLocal {
  return { writer, epoch: 0, mode: 0, hasNews: false };
}

/** One step; returns the next one. */
export function writerStep(words: Int32Array, local: WriterLocal, step: number): number {
  switch (step) {
    case LOAD_EPOCH: {
      const epoch = Atomics.load(words, EPOCH);
      if (epoch === local.epoch) return LOAD_PAUSE;
      local.epoch = epoch;
      return LOAD_MODE;
    }
    case LOAD_MODE:
      local.mode = Atomics.load(words, MODE);
      return ACKNOWLEDGE;
    case ACKNOWLEDGE:
      Atomics.store(words, acknowledgedOf(local.writer), local.epoch);
      local.hasNews = true;
      return LOAD_PAUSE;
    case LOAD_PAUSE:
      return Atomics.load(words, PAUSE) === 0 ? RUN_WINDOW : PARK;
    case PARK:
      Atomics.store(words, stateOf(local.writer), PARKED);
      return CHECK_EPOCH;
    case CHECK_EPOCH:
      // The engine may have stored its epoch and looked at us just before we parked.
      if (Atomics.load(words, EPOCH) !== local.epoch) local.hasNews = true;
      return CHECK_PAUSE;
    case CHECK_PAUSE:
      if (Atomics.load(words, PAUSE) !== 0) local.hasNews = true;
      return WAIT;
    case UNPARK:
      Atomics.store(words, stateOf(local.writer), RUNNING);
      return LOAD_EPOCH;
    default:
      throw new Error(`a writer stands in step ${step}, which has no next step`);
  }
}

/** The engine's half, one atomic access a function. */
export const engineSteps = {
  storeMode: (words: Int32Array, mode: number): void => void Atomics.store(words, MODE, mode),
  storeEpoch: (words: Int32Array, epoch: number): void => void Atomics.store(words, EPOCH, epoch),
  storePause: (words: Int32Array, pause: number): void => void Atomics.store(words, PAUSE, pause),
  isParked: (words: Int32Array, writer: number): boolean =>
    Atomics.load(words, stateOf(writer)) === PARKED,
  hasAcknowledged: (words: Int32Array, writer: number, epoch: number): boolean =>
    Atomics.load(words, acknowledgedOf(writer)) === epoch,
};
