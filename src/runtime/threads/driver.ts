import type { Doorbell } from '../../memory/doorbell.ts';
import type { Algorithm } from '../../migration/ports.ts';
import { GeneratorDriver, type GeneratorParts } from '../common/driver.ts';

export interface DriverParts extends GeneratorParts {
  readonly doorbell: Doorbell;
  readonly isAborted: () => boolean;
  /** Returns how often the thread polls its doorbell before it sleeps; it polls often when a core is free for it. */
  readonly spins: () => number;
  /** Returns how long the thread may sleep when it has something to do besides; 100 ms without it. */
  readonly longestSleepMs?: () => number;
}

/** The run was aborted from outside, because another thread died or the program ends. */
export class RunAborted extends Error {
  override readonly name = 'RunAborted';
}

/** No sleep is longer than this, so that a lost wake-up can't hang a run. */
const LONGEST_SLEEP_MS = 100;
/** So many polls of the doorbell take some 10 µs; they are worth it when a core is free. */
export const SPINS = 4000;
/**
 * So many polls take some 30 µs; they are for the time when the two engines have the machine to themselves. Waking
 * a peer that has gone to sleep costs a system call for each frame, and polling for longer keeps V8's compilers
 * from their work.
 */
export const LONG_SPINS = 12_000;
/** A sleep lasts some 100 µs longer than asked for, so a thread polls the clock when less time than this is left. */
const SHORTEST_SLEEP_NS = 30_000;
/** A thread that has a core to itself polls the clock when less time than this is left. */
const SHORTEST_ALONE_NS = 300_000;

/**
 * Runs one half of a migration in this thread to its end, and returns its result. The thread blocks on its side's
 * doorbell whenever the algorithm waits. Throws RunAborted.
 */
export function drive<Result>(algorithm: Algorithm<Result>, parts: DriverParts): Result {
  const driver = new GeneratorDriver(algorithm, parts);
  driver.begin();
  while (!driver.isOver) blockAndStep(driver, parts);
  return driver.result!;
}

/** Blocks until the algorithm's wait has ended, and runs it to its next wait. Throws RunAborted. */
export function blockAndStep<Result>(driver: GeneratorDriver<Result>, parts: DriverParts): void {
  const { clock, doorbell } = parts;
  for (;;) {
    const sequence = doorbell.sequence();
    if (parts.isAborted()) throw new RunAborted('the run was aborted');
    const nowNs = clock.now();
    if (driver.step(nowNs)) return;
    const leftNs = driver.untilNs - nowNs;
    const spins = parts.spins();
    const shortestNs = spins === LONG_SPINS ? SHORTEST_ALONE_NS : SHORTEST_SLEEP_NS;
    if (leftNs < shortestNs) continue;
    const mostMs = parts.longestSleepMs?.() ?? LONGEST_SLEEP_MS;
    doorbell.wait(sequence, Math.min(leftNs / 1e6, mostMs), spins);
  }
}
