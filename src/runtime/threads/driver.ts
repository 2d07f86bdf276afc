import type { Doorbell } from '../../memory/doorbell.ts';
import type { Algorithm } from '../../migration/ports.ts';
import { GeneratorDriver, type GeneratorParts } from '../common/driver.ts';

export interface DriverParts extends GeneratorParts {
  readonly doorbell: Doorbell;
  readonly isAborted: () => boolean;
  /** How often it may look at its doorbell before it sleeps: often when a core is free for it. */
  readonly spins: () => number;
}

/** The run was given up from outside: a thread died, or the program ends. */
export class RunAborted extends Error {
  override readonly name = 'RunAborted';
}

/** No sleep is longer, so that no lost wake-up can hang a run. */
const LONGEST_SLEEP_MS = 100;
/** Looks at the doorbell that take some 10 µs: when a core is free, and news may come any moment. */
export const SPINS = 4000;
/**
 * Looks for some 30 µs: while the two engines have the machine to themselves. A peer that has gone to
 * sleep costs the other end a system call a frame; one that looks for longer keeps V8's compilers from
 * their work.
 */
export const LONG_SPINS = 12_000;
/** A sleep takes some 100 µs longer than asked for; below this the thread looks at the clock instead. */
const SHORTEST_SLEEP_NS = 30_000;
/** The same for one that has a core to itself. */
const SHORTEST_ALONE_NS = 300_000;

/** Runs one half of a migration in this thread: blocks on the side's doorbell whenever it waits. */
export function drive<Result>(algorithm: Algorithm<Result>, parts: DriverParts): Result {
  const driver = new GeneratorDriver(algorithm, parts);
  driver.begin();
  while (!driver.isOver) blockAndStep(driver, parts);
  return driver.result!;
}

/** Blocks until what is waited for is there, or its time has come, and goes on to the next wait. */
export function blockAndStep<Result>(driver: GeneratorDriver<Result>, parts: DriverParts): void {
  const { clock, doorbell } = parts;
  for (;;) {
    const sequence = doorbell.sequence();
    if (parts.isAborted()) throw new RunAborted('the run was given up');
    const nowNs = clock.now();
    if (driver.step(nowNs)) return;
    const leftNs = driver.untilNs - nowNs;
    const spins = parts.spins();
    const shortestNs = spins === LONG_SPINS ? SHORTEST_ALONE_NS : SHORTEST_SLEEP_NS;
    if (leftNs < shortestNs) continue;
    doorbell.wait(sequence, Math.min(leftNs / 1e6, LONGEST_SLEEP_MS), spins);
  }
}
