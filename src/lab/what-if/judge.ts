import { quantile } from '../statistics.ts';
import type { RunOutcome } from './outcome.ts';
import type { Interval, SettingAnswer } from './result.ts';

/** What is known of a setting, but for the time after which its runs were given up. */
export type Judgement = Omit<SettingAnswer, 'timeoutMs'>;
import type { Setting } from './settings.ts';

/** What a migration has to keep to. */
export interface Goal {
  readonly maxDowntimeMs?: number;
  readonly maxTotalTimeMs?: number;
}

/** A setting that completes, or meets the goal, in this share of its runs is one that does. */
export const SURE_SHARE = 0.95;

/** Returns the median of a sample and the range that nine tenths of it are in; undefined for an empty one. */
export function intervalOf(values: readonly number[]): Interval | undefined {
  if (values.length === 0) return undefined;
  return {
    low: quantile(values, 0.05),
    median: quantile(values, 0.5),
    high: quantile(values, 0.95),
  };
}

/** Returns whether a run has kept to a goal. */
export const meets = (
  { isCompleted, downtimeMs, totalTimeMs }: RunOutcome,
  { maxDowntimeMs = Infinity, maxTotalTimeMs = Infinity }: Goal,
): boolean => isCompleted && downtimeMs <= maxDowntimeMs && totalTimeMs <= maxTotalTimeMs;

/** Sums the runs of a setting up. */
export function judge(
  { id, title, family, migration }: Setting,
  outcomes: readonly RunOutcome[],
  goal?: Goal,
): Judgement {
  const completed = outcomes.filter(({ isCompleted }) => isCompleted);
  const share = completed.length / outcomes.length;
  const needed = outcomes.flatMap(({ isCompleted, leastExpectedMs }) =>
    isCompleted || leastExpectedMs === undefined ? [] : [leastExpectedMs],
  );
  const intervals = {
    totalTimeMs: intervalOf(completed.map(({ totalTimeMs }) => totalTimeMs)),
    downtimeMs: intervalOf(completed.map(({ downtimeMs }) => downtimeMs)),
    transferredBytes: intervalOf(completed.map(({ transferredBytes }) => transferredBytes)),
    slowdown: intervalOf(completed.map(({ slowdown }) => slowdown)),
    neededDowntimeLimitMs: family === 'pre-copy' ? intervalOf(needed) : undefined,
  };
  return {
    id,
    title,
    family,
    migration: { ...migration },
    runs: outcomes.length,
    completed: completed.length,
    verdict:
      share >= SURE_SHARE
        ? 'converges'
        : share <= 1 - SURE_SHARE
          ? 'does not converge'
          : 'may converge',
    ...Object.fromEntries(Object.entries(intervals).filter(([, value]) => value !== undefined)),
    ...(goal ? { metGoal: outcomes.filter((one) => meets(one, goal)).length } : {}),
    points: completed.map(({ totalTimeMs, downtimeMs }) => ({ totalTimeMs, downtimeMs })),
  };
}

/** Returns the gentlest setting that meets the goal; settings come in the order of how much they intrude. */
export function cheapestOf(answers: readonly Judgement[]): Judgement | undefined {
  return answers.find(
    ({ family, runs, metGoal = 0 }) => family !== 'manager' && metGoal >= SURE_SHARE * runs,
  );
}

/** Returns the gentlest setting that converges. */
export function gentlestOf(answers: readonly Judgement[]): Judgement | undefined {
  return answers.find(({ family, verdict }) => family !== 'manager' && verdict === 'converges');
}
