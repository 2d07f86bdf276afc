import type { VirtualClock } from '../../clock/virtual.ts';
import type { FullPlan } from '../../guest/stream-plan.ts';
import { achievedRates } from '../common/measures.ts';
import type { GuestSide } from '../common/guest-side.ts';
import { othersTurn } from '../common/others-turn.ts';
import { Timeline } from '../common/timeline.ts';
import type { Costs } from '../costs.ts';
import { type Hosting, VirtualCrew } from './crew.ts';

/** This much guest time passes before the rest of the program gets its turn. */
export const TURN_NS = 50e6;
const SAMPLE_NS = 20e6;
/** A target that is busy for longer after its migration has been given up must leave no gap in the timeline. */
const LONG_NS = 1e9;

/** A guest's memory and vCPUs at one place, which is one side of a migration. */
export interface VirtualPlace {
  readonly side: GuestSide;
  readonly crew: VirtualCrew;
}

/**
 * A guest of a virtual world. It runs at its first place until a migration has moved it. It is advanced only when
 * something is about to read its memory or state, as what it does depends on its counters and on time alone.
 */
export class VirtualGuest {
  readonly plan: FullPlan;
  readonly costs: Costs;
  readonly timeline: Timeline;
  /** Accesses a second by workload, measured just before its first migration. */
  rates: number[] | undefined;
  /** A migration advances it, so nobody else has to. */
  isMigrating = false;
  /** It stands still from then on, for its report. */
  untilNs = Infinity;
  #place: VirtualPlace;
  readonly #sides: GuestSide[];
  #sampledNs = -Infinity;
  /** Whether it runs on at its place for good, whatever becomes of the target. */
  #isStaying = false;
  /** The guest has been advanced up to this time. */
  #livedNs = 0;

  /**
   * `clock` is read by timeline samples that are taken without a time of their own. `hosting` is what the guest's first
   * host has to do with its vCPUs, if that is overcommitted.
   */
  constructor(
    plan: FullPlan,
    side: GuestSide,
    costs: Costs,
    clock: VirtualClock,
    hosting: Hosting = {},
  ) {
    this.plan = plan;
    this.costs = costs;
    this.#sides = [side];
    this.#place = this.#settle(side, hosting);
    this.timeline = new Timeline(clock, () => this.#sides.map(({ memory }) => memory), plan);
  }

  get place(): VirtualPlace {
    return this.#place;
  }

  /** The time up to which it has been advanced, in nanoseconds. */
  get livedNs(): number {
    return this.#livedNs;
  }

  /** Creates vCPUs over the memory of another place, which the guest can be moved to later; `hosting` is of its host there. */
  prepare(side: GuestSide, hosting: Hosting = {}): VirtualPlace {
    this.#sides.push(side);
    return this.#settle(side, hosting);
  }

  /** Moves the guest to another place, where it runs from now on. */
  moveTo(place: VirtualPlace): void {
    this.#place = place;
  }

  /**
   * Leaves the guest at its place. Its target may still be busy, but the guest is no longer advanced meanwhile, so
   * samples for the timeline are taken only when it is.
   */
  stay(): void {
    this.#isStaying = true;
  }

  /** Starts the vCPUs. */
  start(nowNs: number): void {
    this.#place.side.engine.resume();
    this.#place.crew.poll(nowNs);
    this.#livedNs = nowNs;
  }

  /** Measures how fast its workloads have been so far, and keeps that in `rates`. */
  measureRates(): void {
    this.rates = achievedRates(this.#place.side, this.plan);
  }

  /** Advances the vCPUs to a point in time, with samples for the timeline on the way. */
  advance(toNs: number): void {
    const endNs = Math.min(toNs, this.untilNs);
    while (this.#livedNs < endNs) {
      this.#livedNs = Math.min(endNs, this.#livedNs + TURN_NS);
      this.#place.crew.advance(this.#livedNs);
    }
  }

  /**
   * Brings a guest that has just been created to what it is after it has run for `ranNs` of the time up to `toNs`, as
   * its state follows from how long it has run. Its timeline has no samples of that time.
   */
  leap(ranNs: number, toNs: number): void {
    const { crew } = this.#place;
    crew.steal(toNs - ranNs);
    crew.advance(toNs);
    this.#livedNs = toNs;
  }

  /** Advances the guest to the end of a migration; vCPUs whose page has arrived go on. */
  catchUp(nowNs: number): void {
    const { crew } = this.#place;
    crew.attendFaults(nowNs);
    if (this.#isStaying) this.#makeUp(nowNs);
    crew.advance(nowNs);
    this.#livedNs = nowNs;
    this.timeline.sample(nowNs);
  }

  /** Makes up for the time in which the target was still busy, in turns, so that the timeline has samples of it. */
  #makeUp(nowNs: number): void {
    const fromNs = Math.max(this.#sampledNs, this.#livedNs);
    if (nowNs < fromNs + LONG_NS) return;
    for (let ns = fromNs + TURN_NS; ns < nowNs; ns += TURN_NS) this.#place.crew.advance(ns);
  }

  /** Advances the guest from one time to another, or until it is cancelled; returns the time that it has reached. */
  async live(fromNs: number, toNs: number, isCancelled: () => boolean): Promise<number> {
    let nowNs = fromNs;
    while (nowNs < toNs && !isCancelled()) {
      nowNs = Math.min(toNs, nowNs + TURN_NS);
      this.advance(nowNs);
      await othersTurn();
    }
    return nowNs;
  }

  #settle(side: GuestSide, hosting: Hosting = {}): VirtualPlace {
    const crew = new VirtualCrew(side, this.plan, this.costs, hosting);
    crew.attend(
      () => side.logReaders().makeRoom(),
      (nowNs) => {
        const isOther = this.#isStaying && this.#place.side !== side;
        if (!isOther || nowNs < this.#sampledNs + LONG_NS) this.#sample(nowNs);
      },
    );
    return { side, crew };
  }

  #sample(nowNs: number): void {
    if (nowNs < this.#sampledNs + SAMPLE_NS) return;
    this.#sampledNs = nowNs;
    this.timeline.sample(nowNs);
  }
}
