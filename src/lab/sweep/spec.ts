import { z } from 'zod';
import { formatValue, listOf, MOST_ENTRIES, text, whole } from '../../scenario/fields.ts';

/**
 * This module defines the shape of a sweep as it is written: a grid of scenarios. docs/sweep.md describes its keys.
 */

/** A sweep has at most this many points; a seed of each counts as one. */
export const MOST_POINTS = 1_000_000;

const number = z.union([z.string(), z.number()], {
  error: ({ input }) => `expected a number or a quantity such as 1GiB, got ${formatValue(input)}`,
});

const range = z.strictObject({
  from: number,
  to: number,
  steps: whole(2, MOST_ENTRIES),
  scale: z
    .enum(['linear', 'log'], {
      error: ({ input }) => `expected linear or log, got ${formatValue(input)}`,
    })
    .default('linear'),
});

const expected = 'expected a list of values, or a range such as { from: 1GiB, to: 8GiB, steps: 4 }';
const values = z.union([z.array(z.unknown()).min(1).max(MOST_ENTRIES), range], {
  error: ({ input }) => `${expected}, got ${formatValue(input)}`,
});

const keyed = z.record(z.string(), values, {
  error: ({ input }) => `expected keys of a scenario with their values, got ${formatValue(input)}`,
});

const scenario = z.union([z.string(), z.looseObject({})], {
  error: ({ input }) => `expected a preset, a file, or a scenario, got ${formatValue(input)}`,
});

export const sweepSchema = z.strictObject({
  name: text.regex(/^[A-Za-z0-9][\w.-]*$/, {
    error: ({ input }) =>
      `expected a name of letters, digits, . _ and -, got ${formatValue(input)}`,
  }),
  /** The scenario that is varied: a preset, a file relative to this one, or the scenario itself. */
  scenario: scenario.optional(),
  /** Several of them, which makes them an axis. */
  scenarios: listOf(text, 'presets and files').min(1).optional(),
  /** Keys that all runs have. */
  set: z
    .record(z.string(), z.unknown(), {
      error: ({ input }) =>
        `expected keys of a scenario with a value each, such as { link.latency: 1ms }, got ${formatValue(input)}`,
    })
    .default({}),
  /** Keys that vary, each one independent of the others. */
  vary: keyed.default({}),
  /** Groups of keys that vary together: their first values, their second values, and so on. */
  zip: listOf(keyed, 'groups of keys').default([]),
  /** Keys that vary one at a time, while the others of them are as the scenario has them. */
  each: keyed.default({}),
  /** Conditions that a point must meet to be run. */
  where: listOf(text, 'conditions such as guest.vcpus <= 4').default([]),
  /** How many runs each point has; they differ by their seeds. */
  repeats: whole(1, MOST_POINTS).default(1),
});

/** The keys of a sweep that no scenario has. */
export const SWEEP_KEYS: readonly string[] = Object.keys(sweepSchema.shape).filter(
  (key) => key !== 'name',
);

export type SweepFile = z.infer<typeof sweepSchema>;
export type Values = z.infer<typeof values>;
