import { acknowledgedOf, EPOCH, MODE, PARKED, PAUSE, RUNNING, stateOf } from './words.ts';

/**
 * A writer's half of the handshake, written as a step machine: each step makes one atomic access, so that a test can
 * enumerate every interleaving of the very code that runs.
 *
 *        ┌────────────────────── poll ──────────────────────┐
 *   LOAD_EPOCH ─new→ LOAD_MODE → ACKNOWLEDGE → LOAD_PAUSE ─no→ RUN
 *        ▲  └──same──────────────────────────────▲   │yes
 *     UNPARK ← WAIT ← CHECK_PAUSE ← CHECK_EPOCH ← PARK (also from RUN, to sleep)
 *
 * Safety rests on a store followed by a load on both sides: the engine stores the epoch (or pause) and then loads the
 * writer's state; the writer stores `running` and then loads epoch and pause. At least one of the two sees the other's
 * store, so a writer that counts as parked touches no memory before it has taken over the new epoch.
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
/** The writer is parked: it blocks, sleeps, or goes on with UNPARK. */
export const WAIT = 8;
export const UNPARK = 9;

/** What a writer keeps for itself. */
export interface WriterLocal {
  readonly writer: number;
  /** The epoch whose maps it marks. */
  epoch: number;
  /** The log mode that it took over with the epoch: 1 when it marks its writes, else 0. */
  mode: number;
  /** A step sets it when the engine may be waiting for what that step has done; the engine's doorbell must be rung. */
  hasNews: boolean;
}

/** Returns what a writer keeps for itself at first. */
export function writerLocal(writer: number): WriterLocal {
  return { writer, epoch: 0, mode: 0, hasNews: false };
}

/** Makes one step and returns the next one. Throws for RUN_WINDOW and WAIT, which the writer itself has to leave. */
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
      // The engine may have stored its epoch and loaded this writer's state just before the writer parked.
      if (Atomics.load(words, EPOCH) !== local.epoch) local.hasNews = true;
      return CHECK_PAUSE;
    case CHECK_PAUSE:
      if (Atomics.load(words, PAUSE) !== 0) local.hasNews = true;
      return WAIT;
    case UNPARK:
      Atomics.store(words, stateOf(local.writer), RUNNING);
      return LOAD_EPOCH;
    default:
      throw new Error(`a writer is at step ${step}, which has no next step`);
  }
}

/** The engine's half; each function makes one atomic access. */
export const engineSteps = {
  storeMode: (words: Int32Array, mode: number): void => void Atomics.store(words, MODE, mode),
  storeEpoch: (words: Int32Array, epoch: number): void => void Atomics.store(words, EPOCH, epoch),
  storePause: (words: Int32Array, pause: number): void => void Atomics.store(words, PAUSE, pause),
  isParked: (words: Int32Array, writer: number): boolean =>
    Atomics.load(words, stateOf(writer)) === PARKED,
  hasAcknowledged: (words: Int32Array, writer: number, epoch: number): boolean =>
    Atomics.load(words, acknowledgedOf(writer)) === epoch,
};
