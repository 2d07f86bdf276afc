import type { RunConfig } from '../../src/runtime/config.ts';
import { COST_PROFILES } from '../../src/runtime/costs.ts';

const MIB = 1024 * 1024;

type Changes = {
  readonly [Part in keyof RunConfig]?: RunConfig[Part] extends object
    ? Partial<RunConfig[Part]>
    : RunConfig[Part];
};

/** Returns a run of about a second: an 8 MiB guest, two vCPUs that write, three rounds over 100 MB/s. */
export function smallRun(changes: Changes = {}): RunConfig {
  const pages = (8 * MIB) / 4096;
  return {
    seed: 7,
    runtime: changes.runtime ?? 'threads',
    costs: { ...COST_PROFILES.kvm, ...changes.costs },
    verify: changes.verify ?? 'replay',
    guest: {
      memoryBytes: 8 * MIB,
      pageSize: 4096,
      vcpus: 2,
      dirtyLog: 'bitmap',
      dirtyRingSize: 4096,
      memslots: 1,
      contents: [{ firstGfn: 0, pages, kind: 'mixed', zeroShare: 0.2 }],
      workloads: [
        {
          pattern: { kind: 'zipf', theta: 0.9 },
          firstGfn: 100,
          pages: 1000,
          rate: 20_000,
          writes: 0.9,
          wordsPerPage: 1,
          fromNs: 0,
          untilNs: Infinity,
        },
      ],
      ...changes.guest,
    },
    link: { bytesPerSecond: 100e6, latencyNs: 50_000, integrity: 'full', ...changes.link },
    migration: {
      algorithm: 'precopy',
      policy: 'rounds',
      rounds: 3,
      postcopyAfter: 1,
      postcopyBytesPerSecond: Infinity,
      pageOrder: 'follow',
      maxBytesPerSecond: Infinity,
      strictRate: false,
      downtimeLimitNs: 10e6,
      startAfterNs: 20e6,
      runAfterNs: 20e6,
      timeoutNs: 20e9,
      encodings: ['zero'],
      ...changes.migration,
    },
  };
}
