import { afterAll, describe, expect, it } from 'vitest';
import { buildResult } from '../../src/result/build.ts';
import type { RunResult } from '../../src/result/schema.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { runThreads } from '../../src/runtime/threads/run.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { loadScenarioText } from '../../src/scenario/load.ts';
import { smallRun } from '../support/run-config.ts';

const pool = new WorkerPool(6);
afterAll(() => pool.destroy());

/** Migrates a guest on a machine without costs; the keys are further overrides of the scenario. */
async function migrate(...sets: readonly string[]): Promise<RunResult> {
  const text = `
    runtime: virtual
    guest:
      memory: 16MiB
      backing: versions
      vcpus: 1
      contents: [{ kind: random }]
      workloads: [{ pattern: uniform, rate: max }]
    link: { bandwidth: 1Gbit/s, latency: 0us, integrity: header }
    migration: { algorithm: postcopy, startAfter: 0s, runAfter: 0s }
    costs: { profile: none, access: 1us }
    verify: off`;
  const { scenario, config } = loadScenarioText('s', text, sets);
  return buildResult(scenario, await runVirtual(config));
}

const latency = async (...sets: readonly string[]) => (await migrate(...sets)).faults!.latencyUs!;

/** A buffer that 1 Gbit/s takes 10 ms to send. */
const BUFFER = 'link.sendBuffer=1250kB';
const PREEMPT = 'migration.postcopyPreempt=true';

describe('a requested page', () => {
  it('waits for what has been handed over before it, unless it has a channel of its own', async () => {
    // 10 ms for the buffer, up to 0.1 ms for the frame that did not fit, and up to 0.25 ms ahead of the link.
    const { p50 } = await latency(BUFFER);
    expect(p50).toBeGreaterThan(10_000);
    expect(p50).toBeLessThan(10_400);
    // What is ahead of the link, 0.25 ms at most, and its own 33 us.
    expect((await latency(BUFFER, PREEMPT)).p50).toBeLessThan(300);
    expect((await latency()).p50).toBeLessThan(300);
  });

  it('of 2 MiB shares the link, and waits for one that is being pushed unless it may break that', async () => {
    // 10 Gbit/s send a page in 1.68 ms, and two that share the link in 3.36 ms.
    const huge = ['link.bandwidth=10Gbit/s', 'guest.memory=128MiB', 'guest.pageSize=2MiB', PREEMPT];
    const broken = await latency(...huge);
    expect(broken.p50).toBeGreaterThan(3300);
    expect(broken.p50).toBeLessThan(3700);
    const whole = await latency(...huge, 'migration.postcopyBreakHuge=false');
    expect(whole.p50).toBeGreaterThan(3360 + 800);
    expect(whole.p50).toBeLessThan(3360 + 1900);
  });

  it('waits for the program that handles faults', async () => {
    const [plain, handled] = [
      await latency(PREEMPT),
      await latency(PREEMPT, 'costs.faultHandler=70us'),
    ];
    expect(handled.p50 - plain.p50).toBeGreaterThan(69);
    expect(handled.p50 - plain.p50).toBeLessThan(110);
  });
});

it('makes a stopped guest wait until the buffer has been sent', async () => {
  const precopy = ['algorithm=precopy', 'policy=rounds', 'rounds=1'].map(
    (set) => `migration.${set}`,
  );
  const downtimeMs = async (...sets: readonly string[]): Promise<number> =>
    (await migrate(...precopy, 'guest.workloads=[]', ...sets)).downtimeMs!;
  const [plain, buffered] = [await downtimeMs(), await downtimeMs(BUFFER)];
  expect(buffered - plain).toBeGreaterThan(8.9);
  expect(buffered - plain).toBeLessThan(10.1);
});

it('begins post-copy when the program that asks for it looks next', async () => {
  const hybrid = [
    'guest.memory=64MiB',
    'migration.algorithm=hybrid',
    'guest.workloads=[{ pattern: uniform, rate: 50000 }]',
  ];
  // The first pass ends after 0.26 s, when less than 300 ms are left; the program looks after 0.4 s.
  const startMs = async (...sets: readonly string[]): Promise<number> =>
    (await migrate(...hybrid, ...sets)).rounds.find(({ stopped }) => stopped)!.startMs;
  expect(await startMs()).toBeLessThan(350);
  const late = await startMs('migration.postcopyPoll=400ms');
  expect(late).toBeGreaterThanOrEqual(400);
  expect(late).toBeLessThan(460);
});

/** Shared channels with a buffer, over a connection that is lost twice. */
const OUTAGES = [
  { afterNs: 30e6, forNs: 5e6 },
  { afterNs: 90e6, forNs: 5e6 },
];
const SETTINGS: readonly (readonly [string, Partial<RunConfig['migration']>])[] = [
  ['one channel', {}],
  ['two channels', { preempt: true }],
  ['two channels that share the link', { preempt: true, breakHuge: true }],
  ['two channels, of which one waits for a page of the other', { preempt: true, breakHuge: false }],
];

/** A run of 8 MiB, whose channels share the link because 40 MB/s take more than 100 us for a page. */
const lossless = (migration: Partial<RunConfig['migration']>): RunConfig =>
  smallRun({
    guest: { memslots: 2 },
    link: { bytesPerSecond: 40e6, sendBufferBytes: 300_000 },
    migration: { algorithm: 'postcopy', recoverWithinNs: 60e9, ...migration },
  });

describe.each(SETTINGS)('a post-copy with a send buffer and %s', (_, migration) => {
  const config = lossless(migration);

  it('loses no byte when its connection is lost', async () => {
    const link = { ...config.link, outages: OUTAGES };
    const report = await runVirtual({ ...config, link, runtime: 'virtual' });
    const result = buildResult({ verify: 'replay' }, report);
    expect(result, result.error).toMatchObject({ outcome: 'completed', verify: { ok: true } });
    expect(result.postcopyPauses).toHaveLength(2);
    expect(result.ram.postcopyRequests).toBeGreaterThan(0);
    // A page that was leaving, or in the buffer, when the connection was lost leaves once over the next one.
    expect(result.ram.dropped).toBe(0);
  });
});

it('a post-copy with a send buffer and shared channels loses no byte in threads', async () => {
  const config = lossless({ preempt: true, breakHuge: true });
  const result = buildResult({ verify: 'replay' }, await runThreads(config, { pool }));
  expect(result, result.error).toMatchObject({ outcome: 'completed', verify: { ok: true } });
  expect(result.ram).toMatchObject({ dropped: 0, remaining: 0 });
});
