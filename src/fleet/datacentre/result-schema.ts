import { z } from 'zod';
import { resultSchema } from '../../result/schema.ts';

/**
 * This module defines the shape of a fleet's result, `pageferry/fleet@1`. Milliseconds, bytes and shares are numbers. An
 * absent key means that the value is unknown or unlimited.
 */

const ms = z.number().min(0);
const bytes = z.number().min(0);
const count = z.number().int().min(0);
/** Requests are whole numbers only where each of them is an event. */
const requests = z.number().min(0);
const shares = z.array(z.number().min(0));

const host = z.strictObject({
  name: z.string(),
  rack: z.string(),
  cluster: z.string(),
  cpus: count.optional(),
  memoryBytes: bytes,
  guests: count,
  meanCpu: z.number().min(0),
  maxCpu: z.number().min(0),
  overloadedIntervals: count,
  sustainedIntervals: count,
  dom0CpuMs: ms,
  migrationCpuMs: ms,
  energyWh: z.number().min(0),
  seriesCpu: shares,
  seriesNet: shares,
  seriesMemory: shares,
});

const guest = z.strictObject({
  name: z.string(),
  host: z.string(),
  cpus: z.number().positive(),
  memoryBytes: bytes,
  cpuMs: ms,
  stoppedMs: ms,
  migrations: count,
  swapWrittenBytes: bytes,
  workingSetBytes: bytes.optional(),
  seriesCpu: shares.optional(),
  seriesHost: z.array(count).optional(),
  seriesMemoryBytes: z.array(bytes).optional(),
});

const application = z.strictObject({
  name: z.string(),
  offered: requests,
  served: requests,
  dropped: requests,
  droppedMigrating: requests,
  queued: requests,
  responseMs: z.strictObject({
    mean: ms,
    p50: ms,
    p99: ms,
    p99Migrating: ms.optional(),
    p99Outside: ms.optional(),
  }),
  violationMs: ms,
  violationMigratingMs: ms,
  cost: z.number().min(0),
  series: z.strictObject({
    servedPerSecond: z.array(requests),
    responseMs: z.array(ms.nullable()),
    p99Ms: z.array(ms),
  }),
});

const cpus = z.number().positive();
const move = z.strictObject({ guest: z.string(), to: z.string(), cpus: cpus.optional() });

const decision = z.strictObject({
  atMs: ms,
  hotspots: z.array(
    z.strictObject({
      host: z.string(),
      guest: z.string().optional(),
      resource: z.enum(['cpu', 'net', 'memory', 'response', 'drops']),
    }),
  ),
  moves: z.array(move),
  resizes: z.array(
    z.strictObject({
      guest: z.string(),
      memoryBytes: bytes.optional(),
      cpus: cpus.optional(),
    }),
  ),
  swaps: count,
  isPartial: z.boolean(),
});

const migration = z.strictObject({
  guest: z.string(),
  from: z.string(),
  to: z.string(),
  startMs: ms,
  endMs: ms,
  outcome: z.enum(['completed', 'cancelled', 'diverged', 'failed']),
  downtimeMs: ms.optional(),
  bytes,
  run: resultSchema.optional(),
});

const link = z.strictObject({
  name: z.string(),
  bytesPerSecond: z.number().min(0).optional(),
  migrationBytes: bytes,
  applicationBytes: bytes,
  monitoringBytes: bytes,
});

export const fleetResultSchema = z.strictObject({
  schema: z.literal('pageferry/fleet@1'),
  version: z.string(),
  scenario: z.record(z.string(), z.unknown()),
  runtime: z.literal('virtual'),
  clock: z.string(),
  outcome: z.enum(['completed', 'cancelled', 'failed']),
  reason: z.string().optional(),
  policy: z.string(),
  durationMs: ms,
  intervalMs: ms,
  totals: z.strictObject({
    migrations: count,
    moved: count,
    swaps: count,
    refusedMoves: count,
    overloadedIntervals: count,
    sustainedIntervals: count,
    downtimeMs: ms,
    migrationBytes: bytes,
    violationMs: ms,
    violationMigratingMs: ms,
    cost: z.number().min(0),
    dropped: requests,
    energyWh: z.number().min(0),
    monitoringBytes: bytes,
    monitoringCpuMs: ms,
  }),
  hosts: z.array(host),
  guests: z.array(guest),
  applications: z.array(application),
  decisions: z.array(decision),
  migrations: z.array(migration),
  links: z.array(link),
  ok: z.boolean().optional(),
});

export type FleetResult = z.infer<typeof fleetResultSchema>;
