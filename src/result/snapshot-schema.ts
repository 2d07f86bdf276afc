import { z } from 'zod';
import { SAVE_MODES } from '../snapshot/format.ts';
import { resultSchema } from './schema.ts';

/** The shapes of `pageferry/save@1` and `pageferry/restore@1`; snapshot-descriptions.ts says what each key means. */

const ms = z.number();
const count = z.number().int().min(0);
const { scenario, host, runtime, clock, rounds, verify, faults, guest } = resultSchema.shape;

/** What both results begin with. */
const common = { version: z.string(), scenario, host, runtime, clock };

export const saveSchema = z.strictObject({
  schema: z.literal('pageferry/save@1'),
  ...common,
  mode: z.enum(SAVE_MODES),
  outcome: z.enum(['completed', 'cancelled', 'diverged', 'failed']),
  error: z.string().optional(),
  file: z.strictObject({
    path: z.string(),
    base: z.string().optional(),
    direct: z.boolean(),
    channels: count,
  }),
  totalTimeMs: ms,
  pausedMs: ms.optional(),
  pages: z.strictObject({
    pageSize: count,
    total: count,
    here: count,
    base: count,
    zero: count,
    written: count,
    same: count,
    copied: count.optional(),
  }),
  writtenBytesPerSecond: z.number().min(0).optional(),
  rounds,
  guest: z.strictObject({
    savedAccesses: count.optional(),
    accesses: count,
    achievedRate: z.array(z.number().min(0)).optional(),
  }),
  verify,
  guestVerify: verify,
});
export type SaveResult = z.infer<typeof saveSchema>;

export const restoreSchema = z.strictObject({
  schema: z.literal('pageferry/restore@1'),
  ...common,
  outcome: z.enum(['completed', 'cancelled', 'failed']),
  guestLost: z.literal(true).optional(),
  error: z.string().optional(),
  file: z.strictObject({
    path: z.string(),
    mode: z.enum(SAVE_MODES),
    identity: z.string(),
    bases: z.array(z.string()),
  }),
  lazy: z.boolean(),
  readBytes: count,
  runningMs: ms.optional(),
  firstAccessMs: ms.optional(),
  fullSpeedMs: ms.optional(),
  presentMs: ms.optional(),
  readBytesPerSecond: z.number().min(0).optional(),
  pages: z.strictObject({ pageSize: count, total: count }),
  faults,
  workingSet: z
    .strictObject({ prefetchedPages: count.optional(), recordedPages: count.optional() })
    .optional(),
  guest: z.strictObject({
    savedAccesses: count,
    accesses: count,
    timeline: guest.shape.timeline,
  }),
  verify,
});
export type RestoreResult = z.infer<typeof restoreSchema>;
