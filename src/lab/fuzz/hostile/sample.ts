import type { DeviceSpec } from '../../../guest/devices/device.ts';
import type { Workload } from '../../../guest/workload.ts';
import { Generator } from '../../../random/generator.ts';
import type { RunConfig } from '../../../runtime/config.ts';
import { COST_PROFILES } from '../../../runtime/costs.ts';
import { runVirtual } from '../../../runtime/virtual/run.ts';
import { managed } from '../managed.ts';
import { type Arrival, TamperedLink } from '../tampered-link.ts';

/** These draws have a generator of their own, so that they don't change what else a seed draws. */
const SAMPLE_DRAWS = 0x686f7374;
const PAGE_BYTES = 4096;

/** What a real source has sent to its destination, and the guest that the destination had prepared for it. */
export interface StreamSample {
  readonly config: RunConfig;
  readonly frames: readonly Uint8Array[];
  readonly pages: number;
}

/** Draws a small guest and its migration: a function of the seed alone. */
export function drawSample(seed: number): RunConfig {
  const random = new Generator(seed, SAMPLE_DRAWS);
  const one = <Value>(values: readonly Value[]): Value => values[random.below(values.length)]!;
  const pages = 24 + random.below(40);
  const workload: Workload = {
    pattern: { kind: 'uniform' },
    firstGfn: 4,
    pages: 16,
    rate: 20_000,
    writes: 0.8,
    wordsPerPage: 1,
    fromNs: 0,
    untilNs: Infinity,
  };
  const isCompared = random.below(3) === 0;
  const guest: RunConfig['guest'] = {
    memoryBytes: pages * PAGE_BYTES,
    pageSize: PAGE_BYTES,
    vcpus: 1 + random.below(2),
    dirtyLog: 'bitmap',
    dirtyRingSize: 64,
    memslots: 1 + random.below(2),
    contents: [{ firstGfn: 0, pages, kind: 'text', zeroShare: one([0.3, 0.9]) }],
    workloads: [workload],
    ...(isCompared ? {} : { backing: one(['bytes', 'bytes', 'versions'] as const) }),
    ...(random.below(3) === 0 ? { devices: [device(one([0, 100, 5000]))] } : {}),
  };
  return {
    seed,
    runtime: 'virtual',
    costs: COST_PROFILES.none,
    guest: random.below(3) === 0 ? managed(seed, guest, true) : guest,
    link: { bytesPerSecond: 40e6, latencyNs: 10_000, integrity: one(['full', 'full', 'header']) },
    migration: {
      algorithm: one(['precopy', 'postcopy', 'hybrid', 'hybrid']),
      policy: 'rounds',
      rounds: 2 + random.below(2),
      postcopyAfter: 1,
      postcopyBytesPerSecond: Infinity,
      pageOrder: 'follow',
      maxBytesPerSecond: Infinity,
      strictRate: false,
      downtimeLimitNs: 10e6,
      startAfterNs: 1e6,
      runAfterNs: 0,
      timeoutNs: 2e9,
      encodings: isCompared ? ['zero', 'xbzrle'] : ['zero'],
      ...(isCompared ? { xbzrleCacheBytes: 64 * PAGE_BYTES } : {}),
    },
    verify: 'off',
  };
}

const device = (bytes: number): DeviceSpec => ({
  kind: 'custom',
  stateBytes: bytes,
  saveNs: 0,
  loadNs: 1000,
  reconnectNs: 0,
  reconnectStops: false,
  initialBytes: bytes >> 1,
  loadInitialNs: 0,
  precopyBytes: bytes >> 2,
  dirtyBytesPerSecond: 0,
  bytesPerSecond: Infinity,
  isPending: false,
});

/** Migrates the guest that a seed draws, and returns the frames of its source. */
export async function recordSample(seed: number): Promise<StreamSample> {
  const config = drawSample(seed);
  const frames: Uint8Array[] = [];
  const keep = (arrival: Arrival) => {
    frames.push(arrival.bytes);
    return [{ bytes: arrival.bytes, isSealed: true }];
  };
  let link: TamperedLink | undefined;
  try {
    await runVirtual(config, {
      happenings: (world) => {
        world.wrapLink('far', (inner) => (link = new TamperedLink(inner, { tamper: keep })));
        return [];
      },
    });
  } finally {
    link?.close();
  }
  return { config, frames, pages: config.guest.memoryBytes / config.guest.pageSize };
}
