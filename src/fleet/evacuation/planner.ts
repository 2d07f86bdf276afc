import type { EvacuationConfig, ParallelLimits } from './config.ts';
import { orderOf } from './order.ts';

/** What a planner needs to know of an evacuation. */
export type PlannedEvacuation = Pick<
  EvacuationConfig,
  'hosts' | 'source' | 'guests' | 'limits' | 'order'
>;

/** A migration that begins now. */
export interface PlannedStart {
  /** The guest's index in the configuration. */
  readonly guest: number;
  /** The name of the host that it goes to. */
  readonly target: string;
}

/**
 * Decides when each guest of an evacuation migrates, and where to. It has no clock; its caller asks `starts` when the
 * evacuation begins and whenever a migration has ended.
 */
export class EvacuationPlanner {
  readonly #limits: ParallelLimits;
  readonly #wishes: readonly (string | undefined)[];
  readonly #targets: readonly Target[];
  /** The guests that wait, in the order in which they are to start. */
  #waiting: readonly number[];
  readonly #running = new Map<number, Target>();

  constructor({ hosts, source, guests, limits, order }: PlannedEvacuation) {
    this.#limits = limits;
    this.#wishes = guests.map(({ target }) => target);
    this.#targets = hosts
      .filter(({ name }) => name !== source)
      .map(({ name }) => ({ name, guests: 0, incoming: 0 }));
    this.#waiting = orderOf(guests, order);
  }

  /** The indices of the guests that have yet to start, in the order in which they are to start. */
  get waiting(): readonly number[] {
    return this.#waiting;
  }

  /** How many guests migrate now. */
  get running(): number {
    return this.#running.size;
  }

  get isOver(): boolean {
    return this.#waiting.length === 0 && this.#running.size === 0;
  }

  /**
   * Returns the migrations that start now; their guests count as running from this call on, so a second call before
   * a migration has ended returns none. A guest whose target is full waits, and the guests behind it go first.
   */
  starts(): readonly PlannedStart[] {
    if (this.#limits.inBatches && this.#running.size > 0) return [];
    const started: PlannedStart[] = [];
    const left: number[] = [];
    for (const guest of this.#waiting) {
      const target = this.#hasRoom ? this.#targetOf(guest) : undefined;
      if (!target) {
        left.push(guest);
        continue;
      }
      target.guests++;
      target.incoming++;
      this.#running.set(guest, target);
      started.push({ guest, target: target.name });
    }
    this.#waiting = left;
    return started;
  }

  /**
   * Notes that a guest's migration has ended; `isThere` says whether the guest runs at its target now. Throws an Error
   * when the guest was not migrating.
   */
  ended(guest: number, isThere: boolean): void {
    const target = this.#running.get(guest);
    if (!target) throw new Error(`guest ${guest} was not migrating`);
    this.#running.delete(guest);
    target.incoming--;
    if (!isThere) target.guests--;
  }

  /** Whether one more guest may leave; all guests leave the same host, so both limits hold for all of them together. */
  get #hasRoom(): boolean {
    return this.#running.size < Math.min(this.#limits.cluster, this.#limits.outgoing);
  }

  /** Returns the host that a guest can go to now: the one that it names, or the one with the fewest guests. */
  #targetOf(guest: number): Target | undefined {
    const wish = this.#wishes[guest];
    let best: Target | undefined;
    for (const target of this.#targets) {
      if (wish !== undefined && target.name !== wish) continue;
      if (target.incoming >= this.#limits.incoming) continue;
      if (!best || target.guests < best.guests) best = target;
    }
    return best;
  }
}

/** A host that guests can go to. */
interface Target {
  readonly name: string;
  /** How many guests are there or on their way. */
  guests: number;
  /** How many guests are on their way. */
  incoming: number;
}
