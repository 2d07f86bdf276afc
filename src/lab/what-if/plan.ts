import { type PlausibleGuest, plausibleGuests } from './guests.ts';
import { areAlike } from './alike.ts';
import type { Goal } from './judge.ts';
import type { RunOutcome } from './outcome.ts';
import type { PlannedRun, Play } from './play.ts';
import { bandwidthOf, limitOf, type Question, settingsOf, timeoutOf } from './question.ts';
import { type Purpose, scaled, scaleFor } from './scale.ts';
import { loadRun, loadRuns, scenarioOf, type WholeFacts } from './scenario.ts';
import type { Setting } from './settings.ts';

/** After so many guests, a setting of which no run has completed gets no more, nor one whose runs all end alike. */
export const FIRST_RUNS = 3;

/** Returns the scenario of the n-th run of a setting, unscaled, as `pageferry run` takes it. */
export function scenarioOfRun(question: Question, setting: Setting, index = 0): object {
  const { facts, runs, seed } = question;
  const guest = plausibleGuests(facts, runs, seed)[index]!;
  const timeoutMs = timeoutOf(question, setting);
  const scenario = scenarioOf(facts, { setting, guest, seed: seed + index, timeoutMs });
  // With overrides, it is the complete scenario that has them.
  return question.sets ? loadRun(scenario, question.sets).scenario : scenario;
}

/** How many runs an answer takes at most, before the searches for what meets its goal. */
export const runsOf = (question: Question): number => settingsOf(question).length * question.runs;

/** Plans a run of a setting with each guest; the n-th guest has the same seed under all settings. */
export function plan(
  question: Question,
  facts: WholeFacts,
  setting: Setting,
  guests: readonly PlausibleGuest[],
  purpose: Purpose = 'answer',
): PlannedRun[] {
  const timeoutMs = timeoutOf(question, setting);
  const limitMs = limitOf(setting);
  const scale = scaleFor(bandwidthOf(facts), { limitMs, horizonMs: timeoutMs, purpose });
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

/**
 * Makes the runs of all settings; a setting has only the first ones when none of these completes, or when they are so
 * alike that more would say the same.
 */
export async function playAll(
  planned: readonly (readonly PlannedRun[])[],
  goal: Goal | undefined,
  play: Play,
  onPlan: (all: number) => void,
): Promise<RunOutcome[][]> {
  const first = planned.map((runs) => runs.slice(0, FIRST_RUNS));
  const outcomes = inGroups(await play(first.flat()), first);
  const rest = planned.map((runs, i) =>
    outcomes[i]!.some(({ isCompleted }) => isCompleted) && !areAlike(outcomes[i]!, goal)
      ? runs.slice(FIRST_RUNS)
      : [],
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
