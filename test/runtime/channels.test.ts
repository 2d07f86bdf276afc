import { describe, expect, it } from 'vitest';
import { buildResult } from '../../src/result/build.ts';
import type { RunResult } from '../../src/result/schema.ts';
import type { VirtualOptions } from '../../src/runtime/virtual/options.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { loadScenarioText } from '../../src/scenario/load.ts';

/** Migrates a guest of 16 MiB; the keys are further overrides of the scenario. */
async function migrate(sets: readonly string[], options: VirtualOptions = {}): Promise<RunResult> {
  const text = `
    runtime: virtual
    guest:
      memory: 16MiB
      vcpus: 1
      contents: [{ kind: random, zeroShare: 0.25 }]
      workloads: [{ pattern: uniform, rate: 20000, region: { start: 0, size: 4MiB } }]
    link: { bandwidth: 1Gbit/s, latency: 0us }
    migration: { policy: rounds, rounds: 3, startAfter: 0s, runAfter: 0s }`;
  const { scenario, config } = loadScenarioText('s', text, sets);
  const result = buildResult(scenario, await runVirtual(config, options));
  expect(result.verify).toMatchObject({ ok: true });
  return result;
}

const FOUR = 'migration.channels=4';
const UNLIMITED = 'link.bandwidth=unlimited';
const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);

describe('pages that travel over channels', () => {
  it('are dealt evenly over them, and the figures of all channels add up', async () => {
    const { channels, ram, link } = await migrate([FOUR]);
    const bytes = channels!.each.map((one) => one.bytes);
    expect(channels!.each).toHaveLength(4);
    expect(Math.max(...bytes) / Math.min(...bytes)).toBeLessThan(1.1);
    expect(sum(bytes)).toBe(ram.transferred);
    expect(ram.multifdBytes).toBe(ram.transferred);
    expect(sum(channels!.each.map(({ pages }) => pages))).toBe(ram.normal + ram.duplicate);
    expect(link.bytes).toBeGreaterThan(ram.transferred);
    // One at each harvest of a live round, and one before SWITCHOVER.
    expect(channels!.flushes).toBe(4);
  });

  it('are sent no faster than the link and the limit allow, however many channels there are', async () => {
    const limited = ['migration.maxBandwidth=20MB/s', 'migration.strictRate=true'];
    for (const sets of [[FOUR], [FOUR, ...limited]]) {
      const one = await migrate(sets.filter((set) => set !== FOUR));
      const four = await migrate(sets);
      const rate = ({ link }: RunResult): number => link.achievedBytesPerSecond!;
      expect(rate(four) / rate(one)).toBeGreaterThan(0.95);
      expect(rate(four) / rate(one)).toBeLessThan(1.02);
    }
  });

  it('are encoded and installed side by side, as far as the CPUs of the hosts allow', async () => {
    const first = async (...sets: string[]): Promise<number> =>
      (await migrate([UNLIMITED, 'costs.encode=20us', 'costs.install=20us', ...sets])).rounds[0]!
        .durationMs;
    const one = await first();
    const four = await first(FOUR);
    const two = await first(FOUR, 'costs.channelCpus=2');
    expect(one / four).toBeGreaterThan(3.5);
    expect(one / four).toBeLessThan(4.1);
    expect(one / two).toBeGreaterThan(1.8);
    expect(one / two).toBeLessThan(2.1);
  });

  it('are looked at for zeros by the channels, or by the main thread, which names zero pages itself', async () => {
    const multifd = await migrate([FOUR]);
    const legacy = await migrate([FOUR, 'migration.zeroPageDetection=legacy']);
    const pagesOf = ({ channels }: RunResult): number =>
      sum(channels!.each.map(({ pages }) => pages));
    expect(pagesOf(multifd)).toBe(multifd.ram.normal + multifd.ram.duplicate);
    expect(legacy.ram.duplicate).toBeGreaterThan(900);
    // A page that is written after the main thread has found it zero goes over the main channel, too.
    expect(pagesOf(legacy)).toBeLessThanOrEqual(legacy.ram.normal);
    expect(pagesOf(legacy)).toBeGreaterThan(legacy.ram.normal - 20);
    expect(legacy.ram.multifdBytes).toBeLessThan(legacy.ram.transferred);
  });

  it('that were handed over before the pause arrive before the last ones, and the downtime has its parts', async () => {
    const { downtimeMs, downtimeParts, rounds } = await migrate([FOUR]);
    expect(sum(Object.values(downtimeParts!))).toBeCloseTo(downtimeMs!, 6);
    const stopped = rounds.at(-1)!;
    const bytesMs = (stopped.bytes / 125e6) * 1e3;
    expect(downtimeParts!.lastPagesMs).toBeGreaterThan(bytesMs);
    // A batch takes 1 ms of the link; each channel has one, and the link one ahead.
    expect(downtimeParts!.lastPagesMs).toBeLessThan(bytesMs + 6);
  });

  it('may come late over one channel, and what is sent later waits for them', async () => {
    const slow = [FOUR, UNLIMITED, 'costs.encode=20us'];
    const calm = await migrate(slow);
    const stalled = await migrate(slow, {
      happenings: (world) => [{ atNs: 2e6, act: () => world.stallChannel(2, 50e6) }],
    });
    expect(calm.totalTimeMs).toBeLessThan(40);
    expect(stalled.totalTimeMs).toBeGreaterThan(50);
  });

  it('are no longer needed once hybrid has switched, since pushed pages take the main channel', async () => {
    const { channels, ram } = await migrate([FOUR, 'migration.algorithm=hybrid']);
    expect(ram.postcopyBytes).toBeGreaterThan(0);
    expect(sum(channels!.each.map(({ bytes }) => bytes))).toBe(ram.precopyBytes);
  });
});
