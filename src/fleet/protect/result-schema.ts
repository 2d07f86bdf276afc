import { z } from 'zod';
import { TROUBLES } from '../../runtime/virtual/replication/config.ts';
import { PAGE_CODES } from '../../wire/epoch-pages.ts';
import { resultSchema } from '../../result/schema.ts';

/**
 * This module defines the shape of the result of a protected guest, `pageferry/protect@1`. Milliseconds and bytes are
 * numbers; times are on the world's clock. Hosts count from 1: the guest starts at host 1. An absent key means that the
 * value is unknown.
 */

const ms = z.number().min(0);
const count = z.number().int().min(0);

/** How a quantity is spread. */
const spread = z.strictObject({ mean: ms, p50: ms, p99: ms, max: ms });

const protection = z.strictObject({
  primary: count,
  backup: count,
  startMs: ms,
  /** When its first epoch had been acknowledged; absent if none ever was. */
  protectedMs: ms.optional(),
  endMs: ms.optional(),
  end: z
    .enum(['tookOver', 'dropped', 'fenced', 'cancelled', 'gaveUp', 'refused', 'lost'])
    .optional(),
  reason: z.string().optional(),
  /** Acknowledged epochs, and how many there were a second. */
  epochs: count,
  epochsPerSecond: z.number().min(0),
  pauseMs: spread,
  sendMs: spread,
  ackMs: spread,
  pagesPerEpoch: z.number().min(0),
  mostPages: count,
  /** With deadline scheduling: the epochs whose guest passed the high-water mark. */
  markedEpochs: count.optional(),
  savedPages: count,
  bytes: count,
  bytesPerSecond: z.number().min(0),
  /** Pages of epochs in each encoding, with their bytes. */
  codes: z.record(z.enum(PAGE_CODES), z.strictObject({ pages: count, bytes: count })),
  /** Bytes of all pages of epochs ÷ bytes that they were sent with. */
  compressionRatio: z.number().min(0).optional(),
  cacheHitShare: z.number().min(0).max(1).optional(),
  senderMs: ms,
  /** COLO only. */
  colo: z
    .strictObject({
      /** Checkpoints after the first one, by what forced them. */
      differences: count,
      silences: count,
      periods: count,
      /** Pages that each side's guest had dirtied at such a checkpoint; pagesPerEpoch is their union. */
      primaryPages: z.number().min(0),
      secondaryPages: z.number().min(0),
    })
    .optional(),
});

const takeover = z.strictObject({
  from: count,
  to: count,
  epoch: count,
  diedMs: ms.optional(),
  /** From the last frame of the primary to its death being taken for granted, and so on; they sum to totalMs. */
  detectMs: ms,
  fenceMs: ms,
  drainMs: ms,
  activateMs: ms,
  startMs: ms,
  totalMs: ms,
});

const verify = resultSchema.shape.verify.unwrap();

export const protectResultSchema = z.strictObject({
  schema: z.literal('pageferry/protect@1'),
  version: z.string(),
  scenario: z.record(z.string(), z.unknown()),
  runtime: z.enum(['virtual', 'threads']),
  clock: z.string(),
  outcome: z.enum(['completed', 'split', 'stale', 'lost', 'cancelled', 'failed']),
  error: z.string().optional(),
  durationMs: ms,
  failures: z.array(z.strictObject({ atMs: ms, what: z.enum(TROUBLES) })),
  protections: z.array(protection),
  takeovers: z.array(takeover),
  /** How long two hosts ran the guest at the same time. */
  splitMs: ms,
  guest: z.strictObject({ accesses: count, accessesPerSecond: z.number().min(0) }),
  packets: z.strictObject({
    released: count,
    releasedBytes: count,
    /** Sent in a state that a takeover went on from, but never released: a network that loses packets looks the same. */
    lost: count,
    /** Released although the state that sent them is lost. */
    undone: count,
    /** Released twice, or out of order. */
    repeated: count,
    /** Held at the end, and the most that a host ever held. */
    held: count,
    heldBytes: count,
    mostHeldBytes: count,
    delayMs: spread.optional(),
  }),
  disk: z.strictObject({ writtenBlocks: count }).optional(),
  proofs: z.array(
    z.strictObject({
      host: count,
      of: z.enum(['image', 'end']),
      epoch: count.optional(),
      verify,
      differingBlocks: count.optional(),
    }),
  ),
  problems: z.array(z.string()),
  /** Whether every image and the guest itself were proved, and every promise was kept; absent when nobody looked. */
  ok: z.boolean().optional(),
});

export type ProtectResult = z.infer<typeof protectResultSchema>;
