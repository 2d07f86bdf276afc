import type { Doorbell } from '../../memory/doorbell.ts';
import type { Algorithm, WaitRequest, Wake } from '../../migration/ports.ts';
import { look, type LookParts } from '../common/look.ts';

export interface DriverParts extends LookParts {
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
  let step = algorithm.next();
  while (!step.done) step = algorithm.next(waitFor(step.value, parts));
  return step.value;
}

/** Blocks until what is waited for is there, or its time has come. */
export function waitFor(request: WaitRequest, parts: DriverParts): Wake {
  const { link, doorbell } = parts;
  link.release();
  if (!request.credit) link.rest();
  for (;;) {
    const sequence = doorbell.sequence();
    if (parts.isAborted()) throw new RunAborted('the run was given up');
    const { wake, nextNs, nowNs } = look(request, parts);
    if (wake) return wake;
    const spins = parts.spins();
    const shortestNs = spins === LONG_SPINS ? SHORTEST_ALONE_NS : SHORTEST_SLEEP_NS;
    if (nextNs - nowNs < shortestNs) continue;
    const sleepMs = Math.min((nextNs - nowNs) / 1e6, LONGEST_SLEEP_MS);
    doorbell.wait(sequence, sleepMs, spins);
  }
}
