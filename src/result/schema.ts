import { z } from 'zod';
import { COMPRESSORS } from '../wire/compressors/registry.ts';
import { pagesSchema } from './pages-schema.ts';

/**
 * This module defines the shape of a result, `pageferry/run@1` (descriptions.ts says what each key means). Milliseconds and
 * bytes are numbers, and an absent key means that the value is unknown.
 */

const ms = z.number();
const bytes = z.number().int().min(0);
const count = z.number().int().min(0);
const perSecond = z.number().min(0);

const latencies = z.strictObject({
  mean: z.number(),
  p50: z.number(),
  p90: z.number(),
  p99: z.number(),
  max: z.number(),
});

const range = z.strictObject({ low: ms, high: ms });
const prediction = z.strictObject({ totalTimeMs: ms, downtimeMs: ms, rounds: count });

const round = z.strictObject({
  index: z.number().int().min(1),
  stopped: z.literal(true).optional(),
  startMs: ms,
  durationMs: ms.min(0),
  pages: count,
  zeroPages: count,
  skippedPages: count,
  bytes,
  dirtiedPages: count,
  dirtyPagesPerSecond: perSecond.optional(),
  bandwidthBytesPerSecond: perSecond.optional(),
  expectedDowntimeMs: ms.optional(),
  throttle: z.number().min(0).max(1).optional(),
});

const clockOf = z.enum(['source', 'destination', 'both']);

/** The connection of a run in two processes. */
const connectionSchema = z.strictObject({
  id: z.string(),
  to: z.string(),
  transport: z.enum(['tcp', 'unix']),
  security: z.enum(['plain', 'certificates', 'psk']),
  roundTripMs: ms,
  clockErrorMs: ms,
  downtimeClocks: z.strictObject({
    pauseMs: clockOf,
    lastHarvestMs: clockOf,
    lastPagesMs: clockOf,
    stateMs: clockOf,
    handoverMs: clockOf,
  }),
  lost: z.string().optional(),
  runsAtSource: z.boolean(),
  losses: z
    .array(
      z.strictObject({
        reason: z.string(),
        startMs: ms,
        durationMs: ms.min(0).optional(),
        sentAgain: count.optional(),
      }),
    )
    .optional(),
});

export const resultSchema = z.strictObject({
  schema: z.literal('pageferry/run@1'),
  version: z.string(),
  scenario: z.record(z.string(), z.unknown()),
  host: z
    .strictObject({
      node: z.string(),
      platform: z.string(),
      cpuModel: z.string(),
      cpus: count,
      memoryBytes: bytes,
    })
    .optional(),
  runtime: z.enum(['threads', 'virtual', 'processes']),
  clock: z.string(),
  outcome: z.enum(['completed', 'cancelled', 'diverged', 'failed']),
  guestLost: z.literal(true).optional(),
  error: z.string().optional(),
  /** Sentences about what makes the guest differ from the one that its scenario stands for. */
  warnings: z.array(z.string()).optional(),
  prepareMs: ms.optional(),
  totalTimeMs: ms,
  /** The same with what the manager does before and after the migration. */
  wallTimeMs: ms.optional(),
  setupTimeMs: ms.optional(),
  downtimeMs: ms.optional(),
  blackoutMs: ms.optional(),
  resumeTimeMs: ms.optional(),
  downtimeParts: z
    .strictObject({
      pauseMs: ms,
      lastHarvestMs: ms,
      lastPagesMs: ms,
      stateMs: ms,
      handoverMs: ms,
    })
    .optional(),
  /** Until the last device is served again, from asking the vCPUs to pause. */
  outageMs: ms.optional(),
  /** How long the pages that were sent before the pause kept the link busy after it. */
  queuedAtPauseMs: ms.optional(),
  ram: z.strictObject({
    transferred: bytes,
    precopyBytes: bytes,
    downtimeBytes: bytes,
    postcopyBytes: bytes,
    total: bytes,
    remaining: bytes,
    released: count.optional(),
    hinted: count.optional(),
    hintSkipped: count.optional(),
    normal: count,
    duplicate: count,
    /** The pages that went as references to equal pages, the bytes of these frames, and how many did not hold. */
    deduplicated: count.optional(),
    referenceBytes: bytes.optional(),
    referenceMisses: count.optional(),
    /** What XBZRLE did, under QEMU's names; absent without that encoding. */
    xbzrle: z
      .strictObject({
        cacheBytes: bytes,
        pages: count,
        bytes,
        cacheMisses: count,
        cacheMissRate: z.number().min(0).max(1).optional(),
        encodingRate: z.number().min(0).optional(),
        overflow: count,
      })
      .optional(),
    /** Pages that were sent compressed, and what compression did; absent without an encoding that compresses. */
    compressed: count.optional(),
    compression: z
      .strictObject({
        method: z.enum(COMPRESSORS),
        pages: count,
        compressedSize: bytes,
        compressionRate: z.number().min(0).optional(),
        incompressible: count,
        skipped: count,
      })
      .optional(),
    /** What each encoding took; absent without an encoding that compresses. */
    encodings: z
      .array(z.strictObject({ encoding: z.string(), pages: count, bytes, cpuMs: ms.optional() }))
      .optional(),
    /** The bytes of the frames of the channels, under QEMU's name; absent without `migration.channels`. */
    multifdBytes: bytes.optional(),
    dropped: count.optional(),
    dirtySyncCount: count,
    postcopyRequests: count.optional(),
    pageSize: bytes,
  }),
  /** The devices of the guest: the bytes of their frames, which `ram` leaves out, and what each of them took. */
  devices: z
    .strictObject({
      transferred: bytes,
      precopyBytes: bytes,
      downtimeBytes: bytes,
      switchoverAckMs: ms.optional(),
      parts: z.array(
        z.strictObject({
          kind: z.string(),
          saveMs: ms,
          loadInitialMs: ms.optional(),
          loadMs: ms,
          reconnectMs: ms,
          bytes,
          precopyBytes: bytes.optional(),
        }),
      ),
    })
    .optional(),
  /** What closed formulas predict for a completed pre-copy. */
  models: z
    .strictObject({
      dirtyPagesPerSecond: perSecond,
      bounds: z.strictObject({ totalTimeMs: range, downtimeMs: range }),
      geometric: prediction.optional(),
      average: prediction,
      history: prediction.optional(),
    })
    .optional(),
  rounds: z.array(round),
  /** What each channel carried; absent without `migration.channels`. */
  channels: z
    .strictObject({
      flushes: count,
      each: z.array(z.strictObject({ frames: count, bytes, pages: count, busyMs: ms.min(0) })),
    })
    .optional(),
  /** Which pages were sent how often, and dirtied when; only with `migration.recordPages`. */
  pages: pagesSchema.optional(),
  /** The times when a post-copy stood still without a connection; QEMU calls that state `postcopy-paused`. */
  postcopyPauses: z
    .array(
      z.strictObject({
        startMs: ms,
        durationMs: ms.min(0),
        recoverMs: ms.min(0).optional(),
        resentPages: count.optional(),
      }),
    )
    .optional(),
  faults: z
    .strictObject({
      count,
      majorCount: count,
      minorCount: count.optional(),
      latencyUs: latencies.optional(),
      requestLatencyUs: latencies.optional(),
      /** Faults by latency: bucket i counts those from 2^i us up to 2^(i+1) us, as QEMU's postcopy-latency-dist. */
      latencyDist: z.array(count).optional(),
      blockedMs: ms,
      vcpuBlockedMs: z.array(ms),
    })
    .optional(),
  guest: z.strictObject({
    accessesBefore: count,
    accessesDuring: count,
    accessesAfter: count,
    achievedRate: z.array(perSecond).optional(),
    memoryManager: z
      .strictObject({
        inflatedPages: count,
        deflatedPages: count,
        pressureCallbacks: count,
        cacheDroppedPages: count,
        cacheMisses: count,
      })
      .optional(),
    /** How well the groups of pages of a workload of pattern dirty-vector fit what was asked for. */
    dirtyVectors: z
      .array(
        z.strictObject({
          workload: count,
          points: z.array(z.strictObject({ afterMs: ms, pages: count, fittedPages: count })),
          worstError: z.number().min(0),
        }),
      )
      .optional(),
    dirtyRings: z.array(z.strictObject({ entries: count, stalls: count })).optional(),
    timeline: z.strictObject({ periodMs: ms, accessesPerSecond: z.array(z.number()) }),
  }),
  link: z.strictObject({ bytes, achievedBytesPerSecond: perSecond.optional() }),
  connection: connectionSchema.optional(),
  disturbance: z
    .strictObject({
      maxLagMs: ms,
      involuntarySwitches: count,
      runnableThreads: count,
      cpus: count,
    })
    .optional(),
  verify: z
    .strictObject({
      kind: z.enum(['replay', 'full', 'off']),
      replayedBy: z.enum(['twin', 'kernel']).optional(),
      pagesCompared: count.optional(),
      bytesCompared: bytes.optional(),
      differingPages: count.optional(),
      readsChecked: count.optional(),
      durationMs: ms.optional(),
      ok: z.boolean().optional(),
      firstDifference: z
        .strictObject({ gfn: count, offset: count, expected: count, found: count })
        .optional(),
      problems: z.array(z.string()).optional(),
    })
    .optional(),
});

export type RunResult = z.infer<typeof resultSchema>;
