import { z } from 'zod';
import type { Received } from '../runtime/process/receiver.ts';
import type { ReceivedReport } from '../runtime/process/received-guest.ts';
import { hostFacts } from './host.ts';
import { VERSION } from './version.ts';

const count = z.number().int().min(0);

const migrationSchema = z.strictObject({
  id: z.string(),
  from: z.string(),
  guest: z.strictObject({ memoryBytes: count, pageSize: count, vcpus: count }),
  outcome: z.enum(['completed', 'cancelled', 'failed']),
  error: z.string().optional(),
  /** Whether the guest ran here. */
  ran: z.boolean(),
  /** Pages that came, and those of them that were here already. */
  pages: count,
  dropped: count,
  /** What the sender says of its end and its proof; absent when it has said nothing. */
  senderOutcome: z.string().optional(),
  verify: z.enum(['ok', 'differs', 'none']).optional(),
});

/** What a receiver writes: `pageferry/receive@1`. */
export const receiveSchema = z.strictObject({
  schema: z.literal('pageferry/receive@1'),
  version: z.string(),
  host: z.record(z.string(), z.unknown()),
  /** How many came with whom there was no migration. */
  turnedAway: count,
  migrations: z.array(migrationSchema),
});

export type ReceivedMigration = z.infer<typeof migrationSchema>;
export type ReceiveResult = z.infer<typeof receiveSchema>;

/** Returns what a result says of one migration. */
export function receivedResult(
  { id, from, guest }: Received,
  { outcome, error, ran, pages, droppedPages, sender }: ReceivedReport,
): ReceivedMigration {
  const { memoryBytes, pageSize, vcpus } = guest;
  return {
    id,
    from,
    guest: { memoryBytes, pageSize, vcpus },
    outcome,
    ...(error === undefined ? {} : { error }),
    ran,
    pages,
    dropped: droppedPages,
    ...(sender ? { senderOutcome: sender.outcome, verify: sender.verify } : {}),
  };
}

/** Builds the result of a receiver. Throws a ZodError when it does not match its own schema. */
export function buildReceiveResult(
  migrations: readonly ReceivedMigration[],
  turnedAway: number,
): ReceiveResult {
  return receiveSchema.parse({
    schema: 'pageferry/receive@1',
    version: VERSION,
    host: hostFacts(),
    turnedAway,
    migrations,
  });
}
