import { afterAll, describe, expect, it } from 'vitest';
import { fuzz } from '../../src/lab/fuzz/fuzz.ts';
import { withParts } from '../../src/lab/fuzz/parts.ts';
import { buildResult } from '../../src/result/build.ts';
import type { RunResult } from '../../src/result/schema.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { runThreads } from '../../src/runtime/threads/run.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { MAX_SLOT_BYTES, slotLayout } from '../../src/memory/layout.ts';
import { loadScenarioText } from '../../src/scenario/load.ts';
import { smallRun } from '../support/run-config.ts';

const pool = new WorkerPool(6);
afterAll(() => pool.destroy());

const KIB = 1024;
const PAGE_64M = 64 * 1024 * KIB;

type Parts = Parameters<typeof smallRun>[0];

/** A guest of 32 pages of 64 KiB, which travel in parts of 12 KiB, the last of 4 KiB. */
function inParts({ guest, link, migration, ...rest }: NonNullable<Parts> = {}): RunConfig {
  const pages = 32;
  return smallRun({
    runtime: 'virtual',
    ...rest,
    guest: {
      memoryBytes: pages * 64 * KIB,
      pageSize: 64 * KIB,
      memslots: 3,
      contents: [{ firstGfn: 0, pages, kind: 'mixed', zeroShare: 0.2 }],
      workloads: [
        {
          pattern: { kind: 'uniform' },
          firstGfn: 4,
          pages: 20,
          rate: 4000,
          writes: 0.8,
          wordsPerPage: 2,
          fromNs: 0,
          untilNs: Infinity,
        },
      ],
      ...guest,
    },
    link: { bytesPerSecond: 20e6, mostWholePageBytes: 12 * KIB, ...link },
    migration: { ...migration },
  });
}

const migrate = async (config: RunConfig): Promise<RunResult> =>
  buildResult({ verify: 'replay' }, await runVirtual(config));

const proved = (result: RunResult): void =>
  expect(result, result.error).toMatchObject({ outcome: 'completed', verify: { ok: true } });

const POSTCOPY = { algorithm: 'postcopy' } as const;
const ALGORITHMS: readonly (readonly [string, Partial<RunConfig['migration']>])[] = [
  ['stop-and-copy', { algorithm: 'stop-and-copy' }],
  ['pre-copy', {}],
  [
    'pre-copy under a limit by policy qemu',
    { policy: 'qemu', maxBytesPerSecond: 5e6, downtimeLimitNs: 200e6 },
  ],
  ['hybrid', { algorithm: 'hybrid' }],
  ['post-copy', POSTCOPY],
  ['post-copy with a limit', { ...POSTCOPY, postcopyBytesPerSecond: 10e6 }],
  ['post-copy with preemption', { ...POSTCOPY, preempt: true }],
  ['post-copy with preemption between parts', { ...POSTCOPY, preempt: true, breakHuge: true }],
  ['post-copy with preemption between pages', { ...POSTCOPY, preempt: true, breakHuge: false }],
];

it.each(ALGORITHMS)('pages in parts arrive whole, by %s', async (_, migration) => {
  const result = await migrate(inParts({ migration }));
  proved(result);
  // Each page counts once, whatever it was sent in.
  const { normal, duplicate, dropped, remaining } = result.ram;
  expect(normal + duplicate).toBeGreaterThanOrEqual(32);
  expect([dropped, remaining]).toEqual([0, 0]);
});

const PREEMPT = { ...POSTCOPY, preempt: true };
const OUTAGES = [
  { afterNs: 35e6, forNs: 5e6 },
  { afterNs: 80e6, forNs: 5e6 },
];

describe.each([
  ['one channel', POSTCOPY, {}],
  ['one channel with a buffer', POSTCOPY, { sendBufferBytes: 100_000 }],
  ['two channels', PREEMPT, {}],
  ['two channels, one with a buffer', PREEMPT, { sendBufferBytes: 100_000 }],
] as const)('a connection that is lost twice within a page, with %s', (_, migration, link) => {
  it('loses no byte, and its pages come anew', async () => {
    const config = inParts({
      guest: { contents: [{ firstGfn: 0, pages: 32, kind: 'random', zeroShare: 0 }] },
      link: { ...link, outages: OUTAGES },
      migration: { ...migration, recoverWithinNs: 60e9 },
    });
    const result = await migrate(config);
    proved(result);
    expect(result.postcopyPauses).toHaveLength(2);
    // A page that was leaving comes whole, so that its first parts have been sent twice.
    expect(result.ram.dropped).toBe(0);
    expect(result.ram.postcopyBytes).toBeGreaterThan(32 * 64 * KIB * 1.01);
  });
});

it('a page that has left only in part when the migration ends has not been sent', async () => {
  const contents = [{ firstGfn: 0, pages: 32, kind: 'random' as const, zeroShare: 0 }];
  const result = await migrate(
    inParts({ guest: { workloads: [], contents }, migration: { timeoutNs: 40e6 } }),
  );
  expect(result).toMatchObject({ outcome: 'diverged', verify: { ok: true } });
  const { normal, remaining, transferred } = result.ram;
  expect(normal).toBeGreaterThan(2);
  expect(remaining).toBe((32 - normal) * 64 * KIB);
  // Some parts of the next page have gone.
  expect(transferred).toBeGreaterThan(normal * (64 * KIB + 6 * 128));
});

it('the limit of policy qemu holds between the parts of a page', async () => {
  const config = smallRun({
    runtime: 'virtual',
    guest: {
      memoryBytes: 2 * PAGE_64M,
      pageSize: PAGE_64M,
      backing: 'versions',
      workloads: [],
      contents: [{ firstGfn: 0, pages: 2, kind: 'random', zeroShare: 0 }],
    },
    migration: { policy: 'qemu', maxBytesPerSecond: 20e6, downtimeLimitNs: 1e6 },
  });
  const { source } = await runVirtual(config);
  expect(source.outcome).toBe('completed');
  // 128 MiB at 20 MB/s take 6.7 s. A page may begin with a new window, and the last one's bytes go at once.
  expect((source.endNs - source.startNs) / 1e9).toBeGreaterThan(6);
});

it('pages of 1 GiB arrive whole', async () => {
  const text = `
    runtime: virtual
    guest:
      memory: 3GiB
      pageSize: 1GiB
      backing: versions
      vcpus: 1
      contents: [{ kind: random, region: { start: 0, size: 2GiB } }]
      workloads: [{ pattern: uniform, rate: 100, region: { start: 1GiB, size: 2GiB } }]
    link: { bandwidth: 100Gbit/s, integrity: header }
    migration: { algorithm: postcopy, startAfter: 0s, runAfter: 10ms }
    costs: { profile: none }`;
  const { scenario, config } = loadScenarioText('s', text);
  const result = buildResult(scenario, await runVirtual(config));
  proved(result);
  // Each page takes the link 86 ms. Its parts have up to 128 KiB, with 64 bytes around each.
  const { transferred, normal, duplicate } = result.ram;
  expect(normal + duplicate).toBe(3);
  const overhead = transferred / (normal * 2 ** 30) - 1;
  expect(overhead).toBeGreaterThanOrEqual(64 / 2 ** 17);
  expect(overhead).toBeLessThan(0.001);
  expect(result.totalTimeMs).toBeGreaterThan(normal * 85.9);
});

it('bytes of 1 GiB pages lie in slots of at most 4 GiB', () => {
  const { guest } = smallRun({
    guest: { memoryBytes: 8 * 2 ** 30, pageSize: 2 ** 30, workloads: [] },
  });
  const { geometries } = planMemory(guest, 1);
  const layouts = geometries(1).map(slotLayout);
  expect(layouts.map(({ pages }) => pages)).toEqual([2, 3, 3]);
  for (const { totalBytes } of layouts) expect(totalBytes).toBeLessThanOrEqual(MAX_SLOT_BYTES);
});

it('pages in parts arrive whole in real time', async () => {
  const migration = { ...PREEMPT, policy: 'rounds', algorithm: 'hybrid', rounds: 30 } as const;
  const config = { ...inParts({ migration }), runtime: 'threads' as const };
  const result = buildResult({ verify: 'replay' }, await runThreads(config, { pool }));
  proved(result);
  expect(result.ram).toMatchObject({ dropped: 0, remaining: 0 });
});

it('random migrations of pages in parts lose nothing, end, and run on one side', async () => {
  const seen = { moved: 0, pushed: 0, recovered: 0, stopped: 0 };
  for (let seed = 3015; seed <= 3030; seed++) {
    const { wrongs, recoveries } = await fuzz(
      seed,
      ({ source }) => {
        if (source.outcome === 'completed') seen.moved++;
        if ((source.postcopy?.bytes ?? 0) > 0) seen.pushed++;
        if (source.outcome !== 'completed') seen.stopped++;
      },
      withParts,
    );
    if (recoveries > 0) seen.recovered++;
    expect(wrongs, `seed ${seed}: npm run fuzz -- --parts --seed ${seed}`).toEqual([]);
  }
  for (const count of Object.values(seen)) expect(count).toBeGreaterThanOrEqual(1);
});
