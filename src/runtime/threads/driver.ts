import type { Clock } from '../../clock/clock.ts';
import type { Link } from '../../link/link.ts';
import type { Doorbell } from '../../memory/doorbell.ts';
import type { Algorithm, WaitRequest, Wake } from '../../migration/ports.ts';

export interface DriverParts {
  readonly clock: Clock;
  readonly link: Link;
  readonly doorbell: Doorbell;
  readonly isGuestSettled: () => boolean;
  readonly isCancelled: () => boolean;
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

/** What has ended a wait, undefined while nothing has; and by when at the latest something may. */
export function look(
  request: WaitRequest,
  parts: Omit<DriverParts, 'doorbell' | 'isAborted' | 'isRoomy'>,
): { readonly wake?: Wake; readonly nextNs: number; readonly nowNs: number } {
  const { clock, link } = parts;
  const nowNs = clock.now();
  // Asked in every wait: a guest's log may have vCPUs that wait for the engine (full rings).
  const isGuestSettled = parts.isGuestSettled();
  const arrivalNs = request.frame ? link.arrivalAtNs() : Infinity;
  const creditNs = request.credit ? link.creditAtNs(request.credit) : Infinity;
  const nextNs = Math.min(arrivalNs, creditNs, request.untilNs);
  if (request.cancel && parts.isCancelled()) return { wake: 'cancel', nextNs, nowNs };
  if (arrivalNs <= nowNs) return { wake: 'frame', nextNs, nowNs };
  if (request.guest && isGuestSettled) return { wake: 'guest', nextNs, nowNs };
  if (creditNs <= nowNs) return { wake: 'credit', nextNs, nowNs };
  if (request.untilNs <= nowNs) return { wake: 'time', nextNs, nowNs };
  return { nextNs, nowNs };
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
