import { z } from 'zod';
import { FAMILIES } from './settings.ts';

/**
 * The shape of an answer, `pageferry/what-if@1` (docs/what-if.md explains each key). Times are milliseconds and sizes are
 * bytes; shares lie from 0 to 1. An absent key means that the value is unknown, or that there is none.
 */

const ms = z.number().min(0);
const bytes = z.number().min(0);
const bytesPerSecond = z.number().min(0);
const share = z.number().min(0).max(1);
const count = z.number().int().min(0);

/** The median of a figure over runs, and the range that nine tenths of them are in. */
const interval = z.strictObject({ low: z.number(), median: z.number(), high: z.number() });

const rate = z.strictObject({
  source: z.enum(['page-sampling', 'dirty-bitmap', 'dirty-ring', 'migration', 'resent', 'given']),
  bytesPerSecond,
  periodMs: ms,
  isPeriodEstimated: z.boolean().optional(),
  roundingBytesPerSecond: bytesPerSecond.optional(),
  samplePagesPerGiB: count.optional(),
  vcpuBytesPerSecond: z.array(bytesPerSecond).optional(),
  throttle: share.optional(),
});

const setting = z.strictObject({
  id: z.string(),
  title: z.string(),
  family: z.enum(FAMILIES),
  /** The keys of a scenario's `migration`. */
  migration: z.record(z.string(), z.unknown()),
  /** A run that was not over by then counts as one that does not converge. */
  timeoutMs: ms,
  /** How many were made: fewer than for others where none of the first ones completed. */
  runs: count,
  completed: count,
  verdict: z.enum(['converges', 'may converge', 'does not converge']),
  /** Over the runs that completed. */
  totalTimeMs: interval.optional(),
  downtimeMs: interval.optional(),
  transferredBytes: interval.optional(),
  /** The share of its work that the guest did not get done while it migrated, its downtime included. */
  slowdown: interval.optional(),
  /** Over the runs of pre-copy that did not complete: the downtime limit with which they would have. */
  neededDowntimeLimitMs: interval.optional(),
  /** How many runs met the goal. */
  metGoal: count.optional(),
  /** A pair for each run that completed. */
  points: z.array(z.strictObject({ totalTimeMs: ms, downtimeMs: ms })),
});

/** A quantity at the edge of a goal, found by bisection. */
const edge = z.strictObject({
  setting: z.string(),
  bytesPerSecond,
  /** The search has ended at this end of what it tries, so the edge lies beyond. */
  isBeyond: z.enum(['below', 'above']).optional(),
});

const goal = z.strictObject({
  maxDowntimeMs: ms.optional(),
  maxTotalTimeMs: ms.optional(),
  /** The gentlest setting that meets the goal in 95 of 100 runs; absent if none does. */
  cheapest: z.string().optional(),
  leastBandwidth: z.array(edge),
  /** In the terms of the first dirty rate that was measured. */
  tolerableDirtyRate: z.array(edge),
});

export const whatIfSchema = z.strictObject({
  schema: z.literal('pageferry/what-if@1'),
  version: z.string(),
  /** One or two sentences. */
  answer: z.string(),
  sources: z.array(
    z.strictObject({ name: z.string(), tool: z.string(), notes: z.array(z.string()) }),
  ),
  facts: z.strictObject({
    memoryBytes: bytes,
    usedBytes: bytes.optional(),
    vcpus: count,
    linkBytesPerSecond: bytesPerSecond,
    maxBytesPerSecond: bytesPerSecond.optional(),
    latencyMs: ms.optional(),
    workingSetBytes: bytes.optional(),
    downtimeLimitMs: ms,
    rates: z.array(rate),
  }),
  /** Sentences about what was assumed, and about measurements that can't be trusted. */
  trust: z.array(z.string()),
  /** What a measurement over other periods would show, over the guests that reproduce what was measured. */
  dirtyRateByPeriod: z.array(z.strictObject({ periodMs: ms, bytesPerSecond: interval })),
  /** The guests that reproduce what was measured; each setting has a run with each of them. */
  guests: z.array(
    z.strictObject({
      pattern: z.enum(['uniform', 'hotspot', 'sequential', 'dirty-vector']),
      workingSetBytes: bytes,
      writesPerSecond: z.number().min(0),
    }),
  ),
  seed: count,
  /** How many pages of the VM a page of the runs stood for. */
  scale: count,
  settings: z.array(setting),
  goal: goal.optional(),
  /** The setting to use in the words of each program: the cheapest of the goal, or else the gentlest that converges. */
  words: z
    .strictObject({
      setting: z.string(),
      programs: z.array(z.strictObject({ program: z.string(), text: z.string() })),
    })
    .optional(),
});

export type WhatIfResult = z.infer<typeof whatIfSchema>;
export type Interval = z.infer<typeof interval>;
export type SettingAnswer = z.infer<typeof setting>;
export type GoalAnswer = z.infer<typeof goal>;
export type Edge = z.infer<typeof edge>;
