import type { EvacuationConfig, ParallelLimits } from './config.ts';
import { orderOf } from './order.ts';

/** What a planner needs to know of an evacuation. */
export type PlannedEvacuation = Pick<
  EvacuationConfig,
  'hosts' | 'source' | 'guests' | 'limits' | 'order'
>;

/** A migration that begins now. */
export interface PlannedStart {
  /** Index in the configuration's guests. */
  readonly guest: number;
  /** Name of the host that it goes to. */
  readonly target: string;
}

/**
 * Decides which guests of an evacuation migrate when, and where to. It has no clock: whoever
 * migrates them asks `starts` when the evacuation begins and whenever a migration has ended.
 */
export class EvacuationPlanner {
  readonly #limits: ParallelLimits;
  readonly #wishes: readonly (string | undefined)[];
  readonly #targets: readonly Target[];
  /** Guests that wait, in the order in which they are to start. */
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

  /** Guests that have yet to start, in the order in which they are to. */
  get waiting(): readonly number[] {
    return this.#waiting;
  }

  /** Guests that migrate now. */
  get running(): number {
    return this.#running.size;
  }

  get isOver(): boolean {
    return this.#waiting.length === 0 && this.#running.size === 0;
  }

  /**
   * The guests that start now, which count as running from here on. One whose target is full waits,
   * and those behind it go first; a second question without an end in between finds no more.
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

  /** A guest's migration is over; `isThere`: it lives at its target now, else where it was. */
  ended(guest: number, isThere: boolean): void {
    const target = this.#running.get(guest);
    if (!target) throw new Error(`guest ${guest} was not migrating`);
    this.#running.delete(guest);
    target.incoming--;
    if (!isThere) target.guests--;
  }

  /** Whether one more may leave: all of them leave the one host that is emptied. */
  get #hasRoom(): boolean {
    return this.#running.size < Math.min(this.#limits.cluster, this.#limits.outgoing);
  }

  /** The host that a guest can go to now: the one it wants, or that with the fewest guests. */
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

/** A host that guests go to. */
interface Target {
  readonly name: string;
  /** Guests that are there or on their way. */
  guests: number;
  /** Those on their way. */
  incoming: number;
}
