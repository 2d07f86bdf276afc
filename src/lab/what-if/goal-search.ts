import { areAlike } from './alike.ts';
import { findEdge } from './edge.ts';
import { type PlausibleGuest, plausibleGuests, rateOver } from './guests.ts';
import { type Goal, intervalOf, type Judgement, meets } from './judge.ts';
import { countedMs, usedRates } from './observation.ts';
import type { RunOutcome } from './outcome.ts';
import { FIRST_RUNS, plan } from './plan.ts';
import type { Play } from './play.ts';
import { bandwidthOf, passMs, type Question, timeoutOf } from './question.ts';
import type { Edge, GoalAnswer } from './result.ts';
import type { WholeFacts } from './scenario.ts';
import type { Setting } from './settings.ts';

/** A search makes at most so many runs at each value that it tries. */
const RUNS_OF_SEARCH = 6;
/** The range of a search, as a factor of what is known. */
const WIDEST = 8;
/** A value that fails mostly does so with the first guests, which two cores run at once. */
const FIRST_OF_SEARCH = 2;

type Edges = Pick<GoalAnswer, 'cheapest' | 'leastBandwidth' | 'tolerableDirtyRate'>;

/** Returns the cheapest setting, and for it and for plain pre-copy what bandwidth and dirty rate the goal allows. */
export async function edgesOf(
  question: Question,
  settings: readonly Setting[],
  cheapest: Judgement | undefined,
  goal: Goal,
  play: Play,
): Promise<Edges> {
  const plain = settings.findLast(({ family }) => family === 'pre-copy');
  const chosen = settings.find(({ id }) => id === cheapest?.id);
  const searched = [...new Set([plain, chosen])].filter((one) => one !== undefined);
  const leastBandwidth: Edge[] = [];
  const tolerableDirtyRate: Edge[] = [];
  for (const setting of searched) {
    const search = new Search(question, setting, goal, play);
    leastBandwidth.push(await search.bandwidth());
    if (dependsOnRate(setting)) tolerableDirtyRate.push(await search.dirtyRate());
  }
  return {
    ...(cheapest ? { cheapest: cheapest.id } : {}),
    leastBandwidth,
    tolerableDirtyRate,
  };
}

/** Whether the guest's dirty rate decides on the end: post-copy sends each page once more at most, whatever it is. */
const dependsOnRate = ({ family }: Setting): boolean =>
  family === 'pre-copy' || family === 'auto-converge' || family === 'dirty-limit';

/** Looks for what a setting needs to meet a goal. */
class Search {
  readonly #question: Question;
  readonly #setting: Setting;
  readonly #goal: Goal;
  readonly #play: Play;

  constructor(question: Question, setting: Setting, goal: Goal, play: Play) {
    this.#question = question;
    this.#setting = setting;
    this.#goal = goal;
    this.#play = play;
  }

  /** Returns the least bandwidth with which the goal is met. */
  async bandwidth(): Promise<Edge> {
    const { maxBytesPerSecond: _, ...facts } = this.#question.facts;
    const own = bandwidthOf(this.#question.facts);
    const { value, isBeyond } = await findEdge(own, WIDEST, (linkBytesPerSecond) =>
      this.#holds({ ...facts, linkBytesPerSecond }, 1),
    );
    return {
      setting: this.#setting.id,
      bytesPerSecond: Math.round(value),
      ...(isBeyond ? { isBeyond } : {}),
    };
  }

  /** Returns the highest dirty rate, over the period of the first that was measured, with which the goal is met. */
  async dirtyRate(): Promise<Edge> {
    const { facts } = this.#question;
    const { value, isBeyond } = await findEdge(
      1,
      WIDEST,
      (speed) => this.#holds(facts, speed),
      true,
    );
    const seconds = countedMs(usedRates(facts.rates ?? [])[0]!) / 1000;
    const rates = this.#guests(value).map((guest) => rateOver(guest, seconds));
    return {
      setting: this.#setting.id,
      bytesPerSecond: Math.round(intervalOf(rates)!.median),
      ...(isBeyond ? { isBeyond } : {}),
    };
  }

  #guests(speed: number): PlausibleGuest[] {
    const { facts, runs, seed } = this.#question;
    return plausibleGuests(facts, Math.min(runs, RUNS_OF_SEARCH), seed, speed);
  }

  /**
   * Makes runs, a few at a time, until one misses the goal, as so few allow for none, or until they are so alike that more
   * would say the same.
   */
  async #holds(facts: WholeFacts, speed: number): Promise<boolean> {
    const most = this.#goal.maxTotalTimeMs ?? Infinity;
    if (passMs(facts) > most) return false;
    // What lasts longer than the goal allows need not be played to its end.
    const timeoutMs = Math.ceil(
      Math.min(timeoutOf({ ...this.#question, facts }, this.#setting), most + 1),
    );
    const question = { ...this.#question, facts, timeoutMs };
    const planned = plan(question, facts, this.#setting, this.#guests(speed), 'search');
    const made: RunOutcome[] = [];
    for (const end of [FIRST_OF_SEARCH, FIRST_RUNS, planned.length]) {
      made.push(...(await this.#play(planned.slice(made.length, end))));
      if (!made.every((one) => meets(one, this.#goal))) return false;
      if (areAlike(made, this.#goal)) return true;
    }
    return true;
  }
}
