import fc from 'fast-check';
import type { Pattern, Workload } from '../../src/guest/workload.ts';
import { managed, prepaging } from '../../src/lab/fuzz/managed.ts';
import { ACCESS_READ_BIT } from '../../src/memory/kernels/abi.ts';
import type { Outage, RunConfig } from '../../src/runtime/config.ts';
import { COST_PROFILES } from '../../src/runtime/costs.ts';

const KIB = 1024;

const pattern: fc.Arbitrary<Pattern> = fc.oneof(
  fc.constant<Pattern>({ kind: 'sequential' }),
  fc.constant<Pattern>({ kind: 'uniform' }),
  fc.record({ kind: fc.constant('zipf' as const), theta: fc.constantFrom(0, 0.5, 0.99, 1.5) }),
  fc.record({
    kind: fc.constant('hotspot' as const),
    hotPages: fc.integer({ min: 1, max: 7 }),
    hotAccesses: fc.constantFrom(0.5, 0.95),
  }),
  fc.constant<Pattern>({ kind: 'quicksort' }),
  fc.record({ kind: fc.constant('stride' as const), stridePages: fc.integer({ min: 1, max: 9 }) }),
  fc
    .array(fc.uniqueArray(fc.integer({ min: 0, max: 7 }), { maxLength: 8 }), {
      minLength: 1,
      maxLength: 5,
    })
    .map((lists): Pattern => ({
      kind: 'trace',
      intervals: {
        intervalNs: 3e6,
        endGfn: 8,
        // Every third page is only read, as pages of a trace may be.
        intervals: lists.map((list) =>
          Uint32Array.from(list, (gfn) => (gfn % 3 === 0 ? gfn + ACCESS_READ_BIT : gfn)),
        ),
      },
      speed: 1,
      end: 'loop',
    })),
);

/** A workload; `from` and `size` give its region as shares of the guest, at least 8 pages. */
const workload = fc.record({
  pattern,
  from: fc.double({ min: 0, max: 0.8, noNaN: true }),
  size: fc.double({ min: 0.1, max: 1, noNaN: true }),
  rate: fc.constantFrom(2000, 20_000, 60_000, Infinity),
  writes: fc.constantFrom<number>(0.2, 0.7, 1),
  wordsPerPage: fc.constantFrom(1, 3),
  tickNs: fc.constantFrom(undefined, 1e6),
  vcpu: fc.constantFrom(undefined, 0),
});

/**
 * Outages of the connection: how long after the last one each begins, and how long it takes. Two of three
 * post-copies and hybrids have outages. There are many in a row, because some post-copies are over
 * within milliseconds.
 */
const gaps = fc.record({ afterMs: fc.constantFrom(1, 2, 4, 8), forMs: fc.constantFrom(1, 2) });
const outages = fc.oneof(
  { weight: 1, arbitrary: fc.array(gaps, { maxLength: 0 }) },
  { weight: 2, arbitrary: fc.array(gaps, { minLength: 2, maxLength: 8 }) },
);

/** A random small run in real time. It shrinks to fewer pages, workloads and outages. */
export const scenario = fc.record({
  seed: fc.integer({ min: 0 }),
  pages: fc.integer({ min: 16, max: 1500 }),
  pageSize: fc.constantFrom(4 * KIB, 4 * KIB, 4 * KIB, 16 * KIB, 64 * KIB),
  vcpus: fc.integer({ min: 1, max: 2 }),
  memslots: fc.integer({ min: 1, max: 3 }),
  dirtyLog: fc.constantFrom(...(['bitmap', 'bytemap', 'atomic', 'ring'] as const)),
  dirtyRingSize: fc.constantFrom(16, 1024),
  clearChunkPages: fc.constantFrom(undefined, undefined, 16, 200),
  workloads: fc.array(workload, { minLength: 1, maxLength: 3 }),
  kind: fc.constantFrom('random' as const, 'text' as const, 'duplicate' as const, 'mixed' as const),
  zeroShare: fc.constantFrom(0, 0.3, 0.9),
  bytesPerSecond: fc.constantFrom(40e6, 125e6, 400e6, Infinity),
  latencyNs: fc.constantFrom(0, 50_000, 1e6),
  integrity: fc.constantFrom('full' as const, 'header' as const),
  algorithm: fc.constantFrom(
    ...([
      'precopy',
      'precopy',
      'precopy',
      'postcopy',
      'postcopy',
      'postcopy',
      'postcopy',
      'hybrid',
      'hybrid',
      'hybrid',
      'hybrid',
      'hybrid',
      'stop-and-copy',
    ] as const),
  ),
  postcopyAfter: fc.constantFrom(1, 1, 2),
  postcopyBytesPerSecond: fc.constantFrom(Infinity, 100e6),
  pageOrder: fc.constantFrom(
    ...(['follow', 'linear', 'bubbling', 'twice', 'twice', 'twice'] as const),
  ),
  policy: fc.constantFrom('rounds' as const, 'rounds' as const, 'qemu' as const),
  rounds: fc.constantFrom<number>(1, 2, 3, 4, 4),
  downtimeLimitMs: fc.constantFrom(1, 10, 100),
  zeroPages: fc.boolean(),
  verify: fc.constantFrom('replay' as const, 'replay' as const, 'full' as const),
  timeoutMs: fc.constantFrom<number>(5, 800, 800, 800, 800),
  outages,
});

export type Drawn = typeof scenario extends fc.Arbitrary<infer Value> ? Value : never;

export function configOf(drawn: Drawn): RunConfig {
  const { pages, pageSize } = drawn;
  const workloads = drawn.workloads.map(({ from, size, tickNs, vcpu, ...rest }): Workload => {
    const firstGfn = Math.floor(from * (pages - 8));
    const most = pages - firstGfn;
    const { rate } = rest;
    return {
      ...rest,
      firstGfn,
      pages: Math.max(8, Math.floor(most * size)),
      ...(tickNs === undefined || rate === Infinity ? {} : { tickNs }),
      ...(vcpu === undefined ? {} : { vcpu }),
      fromNs: 0,
      untilNs: Infinity,
    };
  });
  const config: RunConfig = {
    seed: drawn.seed,
    runtime: 'threads',
    costs: COST_PROFILES.kvm,
    guest: {
      memoryBytes: pages * pageSize,
      pageSize,
      vcpus: drawn.vcpus,
      dirtyLog: drawn.dirtyLog,
      dirtyRingSize: drawn.dirtyRingSize,
      ...(drawn.clearChunkPages === undefined ? {} : { clearChunkPages: drawn.clearChunkPages }),
      memslots: drawn.memslots,
      contents: [{ firstGfn: 0, pages, kind: drawn.kind, zeroShare: drawn.zeroShare }],
      workloads,
    },
    link: {
      bytesPerSecond: drawn.bytesPerSecond,
      latencyNs: drawn.latencyNs,
      integrity: drawn.integrity,
      outages: outagesOf(drawn),
    },
    migration: {
      recoverWithinNs: 20e9,
      algorithm: drawn.algorithm,
      policy: drawn.policy,
      rounds: drawn.rounds,
      postcopyAfter: drawn.postcopyAfter,
      postcopyBytesPerSecond: drawn.postcopyBytesPerSecond,
      pageOrder: drawn.pageOrder,
      maxBytesPerSecond: Infinity,
      strictRate: false,
      downtimeLimitNs: drawn.downtimeLimitMs * 1e6,
      startAfterNs: 3e6,
      runAfterNs: 3e6,
      timeoutNs: drawn.timeoutMs * 1e6,
      encodings: drawn.zeroPages ? ['zero'] : [],
    },
    verify: drawn.verify,
  };
  const guest = managed(drawn.seed, config.guest);
  const order = prepaging(drawn.seed, guest);
  return { ...config, guest, migration: { ...config.migration, ...order } };
}

/**
 * Returns the outages of a drawn run. Those of a hybrid begin when its live rounds may be over, because
 * an outage before RUN ends the migration.
 */
export function outagesOf(drawn: Drawn): Outage[] {
  const { algorithm, pages, pageSize, bytesPerSecond, zeroShare, postcopyAfter } = drawn;
  if (algorithm !== 'postcopy' && algorithm !== 'hybrid') return [];
  const passNs = ((pages * pageSize * (1 - zeroShare)) / bytesPerSecond) * 1e9;
  let atNs = algorithm === 'hybrid' ? 5e6 + postcopyAfter * passNs : 0;
  return drawn.outages.map(({ afterMs, forMs }) => {
    const one = { afterNs: atNs + afterMs * 1e6, forNs: forMs * 1e6 };
    atNs = one.afterNs + one.forNs;
    return one;
  });
}
