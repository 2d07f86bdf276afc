import type { Doorbell } from '../../memory/doorbell.ts';
import type { Algorithm, WaitRequest, Wake } from '../../migration/ports.ts';
import { look, type LookParts } from '../common/look.ts';

export interface DriverParts extends LookParts {
  readonly doorbell: Doorbell;
  readonly isAborted: () => boolean;
  /** Whether a core is free for it, so that it may look a while before it sleeps. */
  readonly isRoomy: () => boolean;
}

/** The run was given up from outside: a thread died, or the program ends. */
export class RunAborted extends Error {
  override readonly name = 'RunAborted';
}

/** No sleep is longer, so that no lost wake-up can hang a run. */
const LONGEST_SLEEP_MS = 100;
/** How often the doorbell is looked at before sleeping, when news may come any moment: some 10 µs. */
const SPINS = 4000;
/** A sleep takes some 100 µs longer than asked for; below this the thread looks at the clock instead. */
const SHORTEST_SLEEP_NS = 30_000;

/** Runs one half of a migration in this thread: blocks on the side's doorbell whenever it waits. */
export function drive<Result>(algorithm: Algorithm<Result>, parts: DriverParts): Result {
  let step = algorithm.next();
  while (!step.done) step = algorithm.next(waitFor(step.value, parts));
  return step.value;
}

function waitFor(request: WaitRequest, parts: DriverParts): Wake {
  const { link, doorbell } = parts;
  link.release();
  if (!request.credit) link.rest();
  for (;;) {
    const sequence = doorbell.sequence();
    if (parts.isAborted()) throw new RunAborted('the run was given up');
    const { wake, nextNs, nowNs } = look(request, parts);
    if (wake) return wake;
    if (nextNs - nowNs < SHORTEST_SLEEP_NS) continue;
    // A peer that is at work, or a vCPU that waits for a page, has news within microseconds.
    const spins = parts.isRoomy() ? SPINS : 0;
    doorbell.wait(sequence, Math.min((nextNs - nowNs) / 1e6, LONGEST_SLEEP_MS), spins);
  }
}
