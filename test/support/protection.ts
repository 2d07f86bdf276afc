import type { ReplicationConfig } from '../../src/replication/config.ts';
import type { ProtectConfig } from '../../src/runtime/virtual/replication/config.ts';
import {
  type ProtectionOptions,
  VirtualProtection,
} from '../../src/runtime/virtual/replication/protection.ts';
import type { ProtectReport } from '../../src/runtime/virtual/replication/report.ts';
import { smallRun } from './run-config.ts';

const PAGES = 64;

const REPLICATION: ReplicationConfig = {
  intervalNs: 5e6,
  capture: 'staging',
  capturePages: 64,
  compression: 'raw',
  cachePages: 64,
  netBuffer: true,
  diskBuffer: true,
  heartbeatNs: 2e6,
  silenceNs: 10e6,
  costs: {
    checkpointNs: 100_000,
    suspendNs: 0,
    filterNs: 0,
    mapNs: 0,
    stagingNs: 1000,
    protectNs: 100,
    copyNs: 1000,
    sendNs: 30_000,
    xorNs: 0,
    deflateNs: 0,
    contention: 0,
    applyNs: 0,
    activateNs: 1e6,
  },
};

type Changes = Partial<Omit<ProtectConfig, 'replication' | 'run'>> & {
  readonly replication?: Partial<ReplicationConfig>;
  /** One way, between the hosts. */
  readonly latencyNs?: number;
};

/** A guest of 64 pages that writes 20 000 of them a second, sends packets and writes to its disk, for 60 ms. */
export function smallProtection({
  replication,
  latencyNs = 50_000,
  ...changes
}: Changes = {}): ProtectConfig {
  const workload = {
    pattern: { kind: 'uniform' as const },
    firstGfn: 0,
    pages: PAGES,
    rate: 20_000,
    writes: 1,
    wordsPerPage: 1,
    fromNs: 0,
    untilNs: Infinity,
  };
  const run = smallRun({
    runtime: 'virtual',
    verify: 'full',
    guest: {
      memoryBytes: PAGES * 4096,
      contents: [{ firstGfn: 0, pages: PAGES, kind: 'mixed', zeroShare: 0.2 }],
      workloads: [workload],
    },
    link: { latencyNs },
    migration: { rounds: 1, startAfterNs: 1e6 },
  });
  return {
    run,
    replication: { ...REPLICATION, ...replication },
    emissions: {
      packets: [{ workload: 0, every: 10, bytes: 1000 }],
      disk: {
        shape: { blocks: 32, blockBytes: 512, seed: 7 },
        writes: [{ workload: 0, every: 20 }],
      },
    },
    diskBytesPerSecond: 50e6,
    durationNs: 60e6,
    spares: 0,
    troubles: [],
    isProved: true,
    ...changes,
  };
}

export const protect = (
  config: ProtectConfig,
  options: ProtectionOptions = {},
): Promise<ProtectReport> => new VirtualProtection(config, { mostEvents: 1e6, ...options }).run();

/** Lets the primary die at each of so many times, spread evenly over [20 ms, 30 ms]; returns the reports. */
export async function deathsOfThePrimary(
  changes: Changes,
  times: number,
): Promise<readonly ProtectReport[]> {
  const reports: ProtectReport[] = [];
  for (let i = 0; i < times; i++) {
    const atNs = 20e6 + (10e6 * i) / times;
    const troubles = [{ atNs, what: 'primary' as const }];
    const config = smallProtection({ ...changes, troubles });
    // Another seed for each, so that their epochs are not the same.
    reports.push(await protect({ ...config, run: { ...config.run, seed: 7 + i } }));
  }
  return reports;
}
