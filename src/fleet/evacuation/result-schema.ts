import { z } from 'zod';
import { resultSchema } from '../../result/schema.ts';

/**
 * This module defines the shape of an evacuation's result, `pageferry/evacuation@1`. Milliseconds and bytes are
 * numbers, and times count from the evacuation's start. An absent key means that the value is unknown or unlimited.
 */

const ms = z.number();
const bytes = z.number().int().min(0);
const count = z.number().int().min(0);
const use = z.number().min(0);

const guest = z.strictObject({
  name: z.string(),
  source: z.string(),
  /** The host that it went to, or should have gone to; it is absent when its migration never began. */
  target: z.string().optional(),
  /** The outcome of its migration, as a run has it; `waiting` means that it never began. */
  outcome: z.enum(['completed', 'cancelled', 'diverged', 'failed', 'waiting']),
  /** The time from the evacuation's start until its migration began, or until the end when it never did. */
  waitingMs: ms.min(0),
  startMs: ms.optional(),
  endMs: ms.optional(),
  deadlineMs: ms.optional(),
  /** Whether it had not moved by its deadline; only a guest with a deadline has it. */
  missedDeadline: z.boolean().optional(),
  /** Whether it did not converge and was therefore stopped or switched to post-copy. */
  wasForced: z.boolean(),
  /** Of the accesses that it would have made at its rate before, the share that it did not make while it migrated. */
  slowdown: z.number().min(0).max(1).optional(),
  run: resultSchema.optional(),
});

const link = z.strictObject({
  name: z.string(),
  /** The link's capacity; it is absent when that is unlimited. */
  bytesPerSecond: z.number().min(0).optional(),
  meanBytesPerSecond: use,
  /** The mean of the period of the timeline that has the largest one. */
  maxBytesPerSecond: use,
  /** `meanBytesPerSecond` as a share of the capacity. */
  meanUse: use.optional(),
  /** `maxBytesPerSecond` as a share of the capacity. */
  maxUse: use.optional(),
  /** The mean of each period of the timeline. */
  seriesBytesPerSecond: z.array(use),
});

const host = z.strictObject({
  name: z.string(),
  /** The host's CPUs; it is absent when they are unlimited. */
  cpus: count.optional(),
  /** The CPUs in use; the runtime threads lacks these keys, as it can't tell the threads of its hosts apart. */
  meanCpus: use.optional(),
  maxCpus: use.optional(),
  /** The mean of the CPUs in use in each period of the timeline. */
  seriesCpus: z.array(use).optional(),
});

export const evacuationResultSchema = z.strictObject({
  schema: z.literal('pageferry/evacuation@1'),
  version: z.string(),
  scenario: z.record(z.string(), z.unknown()),
  /** The machine that it ran on; only the runtime threads has it. */
  host: resultSchema.shape.host,
  runtime: z.enum(['threads', 'virtual']),
  clock: z.string(),
  source: z.string(),
  /** The limits of parallel migrations; one that is absent is unlimited. */
  limits: z.strictObject({
    outgoing: count.optional(),
    incoming: count.optional(),
    cluster: count.optional(),
    inBatches: z.boolean(),
  }),
  /** Whether every guest has moved. */
  emptied: z.boolean(),
  /** The time from the evacuation's start until the last migration ended. */
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
  /** The downtime of the guests that have moved; it is absent when none has. */
  downtimeMs: z.strictObject({ sum: ms, median: ms, max: ms }).optional(),
  waitingMs: z.strictObject({ mean: ms, max: ms }),
  slowdown: z.strictObject({ mean: z.number(), max: z.number() }).optional(),
  /** The bytes of all frames of all migrations, from source to destination. */
  bytes,
  /** What went as references, in all migrations; it is absent when no migration has that encoding. */
  references: z
    .strictObject({
      pages: count,
      bytes,
      missedPages: count,
      /** What the host that is emptied remembers of what it has sent, for each target. */
      tables: z.array(
        z.strictObject({
          target: z.string(),
          pageSize: bytes,
          entries: count,
          bytes,
          /** The bytes of the table for each page that it knows; it is absent when it knows none. */
          bytesPerEntry: z.number().optional(),
        }),
      ),
    })
    .optional(),
  timeline: z.strictObject({ periodMs: ms, migrations: z.array(use) }),
  links: z.array(link),
  hosts: z.array(host),
  guests: z.array(guest),
});

export type EvacuationResult = z.infer<typeof evacuationResultSchema>;
export type GuestResult = EvacuationResult['guests'][number];
