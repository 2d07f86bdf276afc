import type { VirtualClock } from '../../clock/virtual.ts';
import type { FullPlan } from '../../guest/stream-plan.ts';
import { achievedRates } from '../common/measures.ts';
import type { GuestSide } from '../common/guest-side.ts';
import { othersTurn } from '../common/others-turn.ts';
import { Timeline } from '../common/timeline.ts';
import type { Costs } from '../costs.ts';
import { VirtualCrew } from './crew.ts';

/** So much guest time passes before others of the program get their turn. */
export const TURN_NS = 50e6;
const SAMPLE_NS = 20e6;

/** A guest at one place: its memory there, and its vCPUs. */
export interface VirtualPlace {
  readonly side: GuestSide;
  readonly crew: VirtualCrew;
}

/**
 * A guest of a virtual world. It lives where it was put first until a migration has moved it. Nobody
 * advances it but those who look at it: what it does is a function of its counters and of time.
 */
export class VirtualGuest {
  readonly plan: FullPlan;
  readonly costs: Costs;
  readonly timeline: Timeline;
  /** Accesses a second by workload, measured just before its first migration. */
  rates: number[] | undefined;
  #place: VirtualPlace;
  readonly #sides: GuestSide[];
  #sampledNs = -Infinity;
  /** Up to when somebody has had it live. */
  #livedNs = 0;

  /** `clock` is whatever time the timeline's first and last sample are taken at. */
  constructor(plan: FullPlan, side: GuestSide, costs: Costs, clock: VirtualClock) {
    this.plan = plan;
    this.costs = costs;
    this.#sides = [side];
    this.#place = this.#settle(side);
    this.timeline = new Timeline(clock, () => this.#sides.map(({ memory }) => memory), plan);
  }

  get place(): VirtualPlace {
    return this.#place;
  }

  /** Prepares another place for it to be moved to. */
  prepare(side: GuestSide): VirtualPlace {
    this.#sides.push(side);
    return this.#settle(side);
  }

  /** It lives at another place from now on. */
  moveTo(place: VirtualPlace): void {
    this.#place = place;
  }

  /** Its vCPUs begin to run. */
  start(nowNs: number): void {
    this.#place.side.engine.resume();
    this.#place.crew.poll(nowNs);
    this.#livedNs = nowNs;
  }

  /** Notes how fast its workloads have been so far. */
  measureRates(): void {
    this.rates = achievedRates(this.#place.side, this.plan);
  }

  /** It lives up to a point in time, and its timeline has its samples. */
  advance(toNs: number): void {
    while (this.#livedNs < toNs) {
      this.#livedNs = Math.min(toNs, this.#livedNs + TURN_NS);
      this.#place.crew.advance(this.#livedNs);
    }
  }

  /** After a migration: faults whose pages have come are over, and it has lived until now. */
  catchUp(nowNs: number): void {
    const { crew } = this.#place;
    crew.attendFaults(nowNs);
    crew.advance(nowNs);
    this.#livedNs = nowNs;
    this.timeline.sample(nowNs);
  }

  /** It lives from one time to another, or until somebody calls that off; returns up to when. */
  async live(fromNs: number, toNs: number, isCancelled: () => boolean): Promise<number> {
    let nowNs = fromNs;
    while (nowNs < toNs && !isCancelled()) {
      nowNs = Math.min(toNs, nowNs + TURN_NS);
      this.advance(nowNs);
      await othersTurn();
    }
    return nowNs;
  }

  #settle(side: GuestSide): VirtualPlace {
    const crew = new VirtualCrew(side, this.plan, this.costs);
    crew.attend(
      () => side.logReaders().tend(),
      (nowNs) => this.#sample(nowNs),
    );
    return { side, crew };
  }

  #sample(nowNs: number): void {
    if (nowNs < this.#sampledNs + SAMPLE_NS) return;
    this.#sampledNs = nowNs;
    this.timeline.sample(nowNs);
  }
}
