import { VERSION } from '../../result/version.ts';
import { answerOf } from './answer.ts';
import { findEdge } from './edge.ts';
import { type PlausibleGuest, plausibleGuests, rateOver } from './guests.ts';
import {
  cheapestOf,
  gentlestOf,
  type Goal,
  type Judgement,
  intervalOf,
  judge,
  meets,
} from './judge.ts';
import { countedMs, PAGE, usedRates } from './observation.ts';
import type { RunOutcome } from './outcome.ts';
import type { PlannedRun, Play } from './play.ts';
import type { Edge, GoalAnswer, WhatIfResult } from './result.ts';
import { scaled, scaleFor } from './scale.ts';
import { loadRuns, scenarioOf, type WholeFacts } from './scenario.ts';
import { type Setting, settingsFor } from './settings.ts';
import { trustIn } from './trust.ts';
import { wordsFor } from './words.ts';

/** What is asked. */
export interface Question {
  readonly facts: WholeFacts;
  readonly sources?: WhatIfResult['sources'];
  readonly goal?: Goal;
  /** How many guests, and runs of each setting, there are. */
  readonly runs: number;
  readonly seed: number;
  /** A run that takes longer counts as one that does not converge; by default 10 times as long as the memory takes. */
  readonly timeoutMs?: number;
  /** Overrides of keys of every scenario, as `--set` takes them. */
  readonly sets?: readonly string[];
  /** The settings to compare, by their ids; by default all. */
  readonly only?: readonly string[];
}

/** QEMU's default downtime limit (migration/options.c). */
const QEMU_LIMIT_MS = 300;
/**
 * A run is given up after so many times the time that the memory takes, and after so long at least. Plain pre-copy does
 * the same in each pass from the second on; a throttle needs some hundred seconds until it is at its end.
 */
const PATIENCE = {
  steady: { passes: 5, leastMs: 30_000 },
  throttled: { passes: 10, leastMs: 100_000 },
} as const;
/** After so many guests, a setting of which no run has completed gets no more. */
const FIRST_RUNS = 3;
/** A search makes at most so many runs at each value that it tries. */
const RUNS_OF_SEARCH = 6;
/** The range of a search, as a factor of what is known. */
const WIDEST = 16;

/** Returns the time after which the runs of a setting are given up. */
export function timeoutOf({ facts, timeoutMs }: Question, { family, migration }: Setting): number {
  if (timeoutMs !== undefined) return timeoutMs;
  const isThrottled = family === 'manager' ? migration['autoConverge'] : family !== 'pre-copy';
  const { passes, leastMs } = PATIENCE[isThrottled ? 'throttled' : 'steady'];
  return Math.ceil(Math.max(leastMs, passes * passMs(facts)));
}

/** Returns how long it takes to send all memory in use once. */
function passMs(facts: WholeFacts): number {
  const bytes = Math.min(facts.usedBytes ?? Infinity, facts.memoryBytes);
  return (bytes / bandwidthOf(facts)) * 1000;
}

const bandwidthOf = ({ linkBytesPerSecond, maxBytesPerSecond = Infinity }: WholeFacts): number =>
  Math.min(linkBytesPerSecond, maxBytesPerSecond);

/** Returns the settings that a question compares. */
export function settingsOf({ facts, goal, only }: Question): Setting[] {
  const all = settingsFor(facts.downtimeLimitMs ?? QEMU_LIMIT_MS, goal?.maxDowntimeMs);
  return only ? all.filter(({ id }) => only.includes(id)) : all;
}

/** Returns the scenario of the n-th run of a setting, unscaled, as `pageferry run` takes it. */
export function scenarioOfRun(
  question: Question,
  setting: Setting,
  index = 0,
): Record<string, unknown> {
  const { facts, runs, seed } = question;
  const guest = plausibleGuests(facts, runs, seed)[index]!;
  return scenarioOf(facts, {
    setting,
    guest,
    seed: seed + index,
    timeoutMs: timeoutOf(question, setting),
  });
}

/** How many runs an answer takes at most, before the searches for what meets its goal. */
export const runsOf = (question: Question): number => settingsOf(question).length * question.runs;

/**
 * Answers what would become of a migration under each setting, by virtual runs of guests that reproduce what was
 * measured. The same question has the same answer on any machine. `onPlan` is told how many runs there are before the
 * searches, once the first ones have shown it. Throws InputError when the facts make no scenario.
 */
export async function whatIf(
  question: Question,
  play: Play,
  onPlan: (all: number) => void = () => undefined,
): Promise<WhatIfResult> {
  const { facts, goal, runs, seed } = question;
  const guests = plausibleGuests(facts, runs, seed);
  const settings = settingsOf(question);
  const planned = settings.map((setting) => plan(question, facts, setting, guests));
  const outcomes = await playAll(planned, play, onPlan);
  const answers = settings.map((setting, i) => judge(setting, outcomes[i]!, goal));
  const chosen = goal ? cheapestOf(answers) : gentlestOf(answers);
  const found = goal ? await edgesOf(question, settings, chosen, goal, play) : undefined;
  const setting = settings.find(({ id }) => id === chosen?.id);
  return {
    schema: 'pageferry/what-if@1',
    version: VERSION,
    answer: answerOf(answers, goal),
    sources: [...(question.sources ?? [])],
    facts: {
      memoryBytes: facts.memoryBytes,
      ...(facts.usedBytes === undefined ? {} : { usedBytes: facts.usedBytes }),
      vcpus: facts.vcpus,
      linkBytesPerSecond: facts.linkBytesPerSecond,
      ...(facts.maxBytesPerSecond === undefined
        ? {}
        : { maxBytesPerSecond: facts.maxBytesPerSecond }),
      ...(facts.latencyMs === undefined ? {} : { latencyMs: facts.latencyMs }),
      ...(facts.workingSetBytes === undefined ? {} : { workingSetBytes: facts.workingSetBytes }),
      downtimeLimitMs: facts.downtimeLimitMs ?? QEMU_LIMIT_MS,
      rates: (facts.rates ?? []).map(({ vcpuBytesPerSecond: vcpus, ...rate }) => ({
        ...rate,
        ...(vcpus ? { vcpuBytesPerSecond: [...vcpus] } : {}),
      })),
    },
    trust: trustIn(facts),
    dirtyRateByPeriod: ratesByPeriod(facts, guests),
    guests: guests.map(({ pattern, workingSetPages, rate }) => ({
      pattern,
      workingSetBytes: Math.round(workingSetPages * PAGE),
      writesPerSecond: rate,
    })),
    seed,
    scale: planned[0]?.[0]?.scale ?? 1,
    settings: answers.map((one, i) => ({
      ...one,
      timeoutMs: timeoutOf(question, settings[i]!),
    })),
    ...(goal && found ? { goal: { ...goal, ...found } } : {}),
    ...(setting ? { words: { setting: setting.id, programs: wordsOf(question, setting) } } : {}),
  };
}

function wordsOf({ facts, goal }: Question, setting: Setting) {
  return wordsFor({
    setting,
    bytesPerSecond: bandwidthOf(facts),
    memoryBytes: facts.memoryBytes,
    ...(facts.maxBytesPerSecond === undefined
      ? {}
      : { maxBytesPerSecond: facts.maxBytesPerSecond }),
    ...(goal?.maxTotalTimeMs === undefined ? {} : { maxTotalTimeMs: goal.maxTotalTimeMs }),
  });
}

/** Makes the runs of all settings; a setting of which none of the first runs completes has only these. */
async function playAll(
  planned: readonly (readonly PlannedRun[])[],
  play: Play,
  onPlan: (all: number) => void,
): Promise<RunOutcome[][]> {
  const first = planned.map((runs) => runs.slice(0, FIRST_RUNS));
  const outcomes = inGroups(await play(first.flat()), first);
  const rest = planned.map((runs, i) =>
    outcomes[i]!.some(({ isCompleted }) => isCompleted) ? runs.slice(FIRST_RUNS) : [],
  );
  onPlan(first.flat().length + rest.flat().length);
  const more = inGroups(await play(rest.flat()), rest);
  return outcomes.map((some, i) => [...some, ...more[i]!]);
}

/** Divides a list into groups that are as long as those of another list. */
function inGroups<Item>(items: readonly Item[], groups: readonly (readonly unknown[])[]): Item[][] {
  let at = 0;
  return groups.map(({ length }) => items.slice(at, (at += length)));
}

/** Plans a run of a setting with each guest; the n-th guest has the same seed under all settings. */
function plan(
  question: Question,
  facts: WholeFacts,
  setting: Setting,
  guests: readonly PlausibleGuest[],
): PlannedRun[] {
  const timeoutMs = timeoutOf(question, setting);
  const limitMs = limitOf(setting);
  const scale = scaleFor(bandwidthOf(facts), { limitMs, horizonMs: timeoutMs });
  const choices = guests.map((guest, i) => ({
    setting,
    guest,
    seed: question.seed + i,
    timeoutMs,
  }));
  return loadRuns(facts, choices, question.sets ?? []).map(({ scenario, config }) => ({
    scenario,
    config: scaled(config, scale),
    scale,
  }));
}

/** Returns the downtime limit that decides when a setting's passes end; undefined where none does. */
function limitOf({ family, downtimeLimitMs = QEMU_LIMIT_MS }: Setting): number | undefined {
  const hasNone = family === 'hybrid' || family === 'post-copy' || family === 'stop-and-copy';
  return hasNone ? undefined : downtimeLimitMs;
}

/** Returns what measurements over other periods would show, up to the time that the memory takes. */
function ratesByPeriod(
  facts: WholeFacts,
  guests: readonly PlausibleGuest[],
): WhatIfResult['dirtyRateByPeriod'] {
  const own = usedRates(facts.rates ?? []).map(countedMs);
  const periods = [...new Set([100, 1000, 10_000, ...own, Math.round(passMs(facts))])];
  return periods
    .filter((ms) => ms > 0)
    .toSorted((a, b) => a - b)
    .map((periodMs) => ({
      periodMs,
      bytesPerSecond: intervalOf(guests.map((guest) => rateOver(guest, periodMs / 1000)))!,
    }));
}

type Edges = Pick<GoalAnswer, 'cheapest' | 'leastBandwidth' | 'tolerableDirtyRate'>;

/** Returns the cheapest setting, and for it and for plain pre-copy what bandwidth and dirty rate the goal allows. */
async function edgesOf(
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
    if (setting.family !== 'stop-and-copy') tolerableDirtyRate.push(await search.dirtyRate());
  }
  return {
    ...(cheapest ? { cheapest: cheapest.id } : {}),
    leastBandwidth,
    tolerableDirtyRate,
  };
}

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

  /** Makes runs, a few at a time, until one misses the goal; so few allow for none. */
  async #holds(facts: WholeFacts, speed: number): Promise<boolean> {
    const most = this.#goal.maxTotalTimeMs ?? Infinity;
    if (passMs(facts) > most) return false;
    // What lasts longer than the goal allows need not be played to its end.
    const timeoutMs = Math.ceil(
      Math.min(timeoutOf({ ...this.#question, facts }, this.#setting), most + 1),
    );
    const question = { ...this.#question, facts, timeoutMs };
    const planned = plan(question, facts, this.#setting, this.#guests(speed));
    for (let at = 0; at < planned.length; at += FIRST_RUNS) {
      const outcomes = await this.#play(planned.slice(at, at + FIRST_RUNS));
      if (!outcomes.every((one) => meets(one, this.#goal))) return false;
    }
    return true;
  }
}
