import { managerNamed } from '../../migration/policies/manager-registry.ts';
import type { Goal } from './judge.ts';
import type { WhatIfResult } from './result.ts';
import type { WholeFacts } from './scenario.ts';
import { type Setting, settingsFor } from './settings.ts';

/** What is asked. */
export interface Question {
  readonly facts: WholeFacts;
  readonly sources?: WhatIfResult['sources'];
  readonly goal?: Goal;
  /** How many guests, and runs of each setting, there are. */
  readonly runs: number;
  readonly seed: number;
  /** A run that takes longer counts as one that does not converge; by default see `timeoutOf`. */
  readonly timeoutMs?: number;
  /** Overrides of keys of every scenario, as `--set` takes them. */
  readonly sets?: readonly string[];
  /** The settings to compare, by their ids; by default all. */
  readonly only?: readonly string[];
}

/** There are at most so many runs of each setting. */
export const MOST_RUNS = 10_000;
export const MOST_SEED = 2 ** 31 - 1;

/** QEMU's default downtime limit (migration/options.c). */
export const QEMU_LIMIT_MS = 300;
/**
 * A run is given up after so many times the time that the memory takes, and after so long at least. Plain pre-copy does
 * the same in each pass from the second on; a throttle needs some hundred seconds until it is at its end.
 */
const PATIENCE = {
  steady: { passes: 5, leastMs: 30_000 },
  throttled: { passes: 10, leastMs: 100_000 },
} as const;
/** Returns the time after which the runs of a setting are given up. */
export function timeoutOf({ facts, timeoutMs }: Question, { family, migration }: Setting): number {
  if (timeoutMs !== undefined) return timeoutMs;
  const ofManager = managerNamed(migration['downtimeLadder'])?.defaults.autoConverge;
  const isThrottled =
    family === 'manager'
      ? (migration['autoConverge'] ?? ofManager) === true
      : family !== 'pre-copy';
  const { passes, leastMs } = PATIENCE[isThrottled ? 'throttled' : 'steady'];
  return Math.ceil(Math.max(leastMs, passes * passMs(facts)));
}

/** Returns how long it takes to send all memory in use once. */
export function passMs(facts: WholeFacts): number {
  const bytes = Math.min(facts.usedBytes ?? Infinity, facts.memoryBytes);
  return (bytes / bandwidthOf(facts)) * 1000;
}

/** Returns what a migration may send in a second. */
export const bandwidthOf = ({
  linkBytesPerSecond,
  maxBytesPerSecond = Infinity,
}: WholeFacts): number => Math.min(linkBytesPerSecond, maxBytesPerSecond);

/** Returns the settings that a question compares. */
export function settingsOf({ facts, goal, only }: Question): Setting[] {
  const all = settingsFor(facts.downtimeLimitMs ?? QEMU_LIMIT_MS, goal?.maxDowntimeMs);
  return only ? all.filter(({ id }) => only.includes(id)) : all;
}

/** Returns a sentence about a setting that is asked for by name and does not exist; undefined when all of them do. */
export function unknownSetting({ only = [], ...question }: Question): string | undefined {
  const ids = settingsOf(question).map(({ id }) => id);
  const unknown = only.find((id) => !ids.includes(id));
  if (unknown === undefined) return undefined;
  return `there is no setting "${unknown}", but ${ids.join(', ')}`;
}

/** Returns the downtime limit that decides when a setting's passes end; undefined where none does. */
export function limitOf({ family, downtimeLimitMs = QEMU_LIMIT_MS }: Setting): number | undefined {
  const hasNone = family === 'hybrid' || family === 'post-copy' || family === 'stop-and-copy';
  return hasNone ? undefined : downtimeLimitMs;
}
