import { z } from 'zod';
import { resultSchema } from '../../result/schema.ts';

/**
 * The shape of an evacuation's result, `pageferry/evacuation@1`: milliseconds and bytes as numbers,
 * times from when the host began to be emptied; absent means unknown, or without a limit.
 */

const ms = z.number();
const bytes = z.number().int().min(0);
const count = z.number().int().min(0);
const use = z.number().min(0);

const guest = z.strictObject({
  name: z.string(),
  source: z.string(),
  /** Where it went, or was to go; absent when its migration never began. */
  target: z.string().optional(),
  /** As a run has it; `waiting`: its migration never began. */
  outcome: z.enum(['completed', 'cancelled', 'diverged', 'failed', 'waiting']),
  /** From the evacuation's start until its migration began, or until the end when it never did. */
  waitingMs: ms.min(0),
  startMs: ms.optional(),
  endMs: ms.optional(),
  deadlineMs: ms.optional(),
  /** Of a guest with a deadline: it was not gone by then. */
  missedDeadline: z.boolean().optional(),
  /** It did not converge, and was stopped or switched to post-copy. */
  wasForced: z.boolean(),
  /** Share of its accesses that it did not get to make while it migrated, of its rate before. */
  slowdown: z.number().min(0).max(1).optional(),
  run: resultSchema.optional(),
});

const link = z.strictObject({
  name: z.string(),
  /** Its capacity; absent: unlimited. */
  bytesPerSecond: z.number().min(0).optional(),
  meanBytesPerSecond: use,
  /** The most over a period of the timeline. */
  maxBytesPerSecond: use,
  /** The same two as shares of its capacity. */
  meanUse: use.optional(),
  maxUse: use.optional(),
  /** Over each period of the timeline. */
  seriesBytesPerSecond: z.array(use),
});

const host = z.strictObject({
  name: z.string(),
  /** Absent: unlimited. */
  cpus: count.optional(),
  /** CPUs in use; absent where nobody counts them: a real machine's threads are not told apart. */
  meanCpus: use.optional(),
  maxCpus: use.optional(),
  seriesCpus: z.array(use).optional(),
});

export const evacuationResultSchema = z.strictObject({
  schema: z.literal('pageferry/evacuation@1'),
  version: z.string(),
  scenario: z.record(z.string(), z.unknown()),
  /** The machine; of the runtime threads. */
  host: resultSchema.shape.host,
  runtime: z.enum(['threads', 'virtual']),
  clock: z.string(),
  source: z.string(),
  /** The limits that held; absent ones are unlimited. */
  limits: z.strictObject({
    outgoing: count.optional(),
    incoming: count.optional(),
    cluster: count.optional(),
    inBatches: z.boolean(),
  }),
  /** Every guest has left. */
  emptied: z.boolean(),
  /** From the evacuation's start until the last migration was over. */
  makespanMs: ms.min(0),
  outcomes: z.strictObject({
    completed: count,
    cancelled: count,
    diverged: count,
    failed: count,
    waiting: count,
  }),
  forced: count,
  missedDeadlines: count,
  /** Of the guests that were stopped to move; absent when there was none. */
  downtimeMs: z.strictObject({ sum: ms, median: ms, max: ms }).optional(),
  waitingMs: z.strictObject({ mean: ms, max: ms }),
  slowdown: z.strictObject({ mean: z.number(), max: z.number() }).optional(),
  /** All frames of all migrations, source to destination. */
  bytes,
  timeline: z.strictObject({ periodMs: ms, migrations: z.array(use) }),
  links: z.array(link),
  hosts: z.array(host),
  guests: z.array(guest),
});

export type EvacuationResult = z.infer<typeof evacuationResultSchema>;
export type GuestResult = EvacuationResult['guests'][number];
