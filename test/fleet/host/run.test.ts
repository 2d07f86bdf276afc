import { describe, expect, it } from 'vitest';
import { loadHostDocument } from '../../../src/fleet/host/load.ts';
import { buildHostResult } from '../../../src/fleet/host/result.ts';
import type { HostResult } from '../../../src/fleet/host/result-schema.ts';
import { runHost } from '../../../src/fleet/host/run.ts';
import { memoryPool } from '../../../src/memory/memory-pool.ts';
import { ScenarioDocument } from '../../../src/scenario/document.ts';

async function run(text: string, signal?: AbortSignal): Promise<HostResult> {
  const loaded = loadHostDocument(new ScenarioDocument('h.yaml', text), '.');
  return buildHostResult(loaded, await runHost(loaded.config, signal ? { signal } : {}));
}

/** Two equal guests that write a little, of which one begins late and one ends early. */
const PAIR = `duration: 20s
sample: 1s
host: { memory: 6MiB, sharing: { guestRate: 400, rate: 800 } }
guests:
  - name: early
    stop: 15s
    guest: &guest
      memory: 4MiB
      vcpus: 1
      contents: [{ kind: random, seed: 5, zeroShare: 0.2 }]
      workloads: [{ pattern: uniform, rate: 20, region: { start: 0, size: 400KiB } }]
  - { name: late, start: 5s, guest: *guest }
`;

describe('an overcommitted host', () => {
  it('shares what its guests have in common, and proves them', async () => {
    const result = await run(PAIR);
    expect(result).toMatchObject({ outcome: 'completed', ok: true, problems: [] });
    const at = (second: number): number => result.series.timesMs.indexOf(second * 1000);
    const { reclaimedBytes, guests } = result.series;
    // Both guests have 1024 equal pages, but for the 100 that they write to; random picks have not met all by now.
    expect(reclaimedBytes[at(14)]! / 4096).toBeGreaterThan(500);
    // Of those that shared with a guest that has stopped, only zero pages go on to share.
    expect(reclaimedBytes[at(19)]! / 4096).toBeLessThan(250);
    expect(guests[0]!.allocatedBytes[at(16)]).toBeNull();
    expect(guests[1]!.allocatedBytes[at(4)]).toBeNull();
    expect(guests[1]!.allocatedBytes[at(6)]).toBeGreaterThan(0);
    expect(result.host.sharing!.copied).toBeGreaterThan(10);
  });

  it('counts all accesses of a guest that stops between two samples', async () => {
    const guest = '{ memory: 4MiB, vcpus: 1, workloads: [{ pattern: uniform, rate: 100 }] }';
    const { guests } = await run(`duration: 20s
sample: 10s
host: { memory: 8MiB }
guests: [{ name: short, start: 11s, stop: 19s, guest: ${guest} }]
`);
    expect(guests[0]!.accesses).toBeGreaterThan(780);
    expect(guests[0]!.accessesPerSecond).toBeCloseTo(100, 0);
  });

  it('estimates that all is active of a guest that touches all, though it has fewer pages than are picked', async () => {
    const { series } = await run(`duration: 10s
sample: 1s
host: { memory: 1MiB, sampling: { period: 1s } }
guests: [{ name: busy, guest: { memory: 256KiB, vcpus: 1, workloads: [{ pattern: uniform, rate: 5000 }] } }]
`);
    expect(series.guests[0]!.activeBytes.at(-1)).toBe(256 * 1024);
  });

  it('has a guest start in the room that another leaves at the same time', async () => {
    const guest = '{ memory: 4MiB, vcpus: 1 }';
    const { outcome, ok } = await run(`duration: 4s
host: { memory: 3MiB, swap: { size: 2MiB } }
guests:
  - { name: early, stop: 2s, guest: ${guest} }
  - { name: late, start: 2s, guest: ${guest} }
`);
    expect([outcome, ok]).toEqual(['completed', true]);
  });

  it('is the same twice', async () => {
    expect(JSON.stringify(await run(PAIR))).toBe(JSON.stringify(await run(PAIR)));
  });

  it('says what was free at least, however many samples it has', async () => {
    const loaded = loadHostDocument(new ScenarioDocument('h.yaml', PAIR), '.');
    const report = await runHost(loaded.config);
    const least = report.samples.reduce((one, { freePages }) => Math.min(one, freePages), Infinity);
    const samples = Array.from({ length: 200_000 }, (_, i) => report.samples[i % 20]!);
    const { host } = buildHostResult(loaded, { ...report, samples });
    expect(host.minFreeBytes).toBe(least * 4096);
  });

  it('changes a tax and shares when it is told to', async () => {
    const text = `duration: 30s
sample: 1s
host: { memory: 6MiB, idleTax: 0, sharing: { isOn: false }, sampling: { period: 1s }, balance: 1s }
guests:
  - name: idle
    min: 256KiB
    guest: { memory: 4MiB, vcpus: 1, contents: [{ kind: random }] }
  - name: busy
    min: 256KiB
    guest:
      memory: 4MiB
      vcpus: 1
      contents: [{ kind: random }]
      workloads: [{ pattern: uniform, rate: 20000 }]
changes: [{ at: 15s, idleTax: 0.75 }]
`;
    const { series, ok } = await run(text);
    expect(ok).toBe(true);
    const target = (guest: number, second: number): number =>
      series.guests[guest]!.targetBytes[series.timesMs.indexOf(second * 1000)]!;
    expect(target(0, 14)).toBe(target(1, 14));
    expect(target(0, 25)).toBeLessThan(0.7 * target(1, 25));
  });

  it('fails when it can not keep what it has promised, and not when the program has a mistake', async () => {
    const { config } = loadHostDocument(new ScenarioDocument('h.yaml', PAIR), '.');
    const swap = { ...config.host.swap, pages: 1000 };
    const { outcome, error } = await runHost({ ...config, host: { ...config.host, swap } });
    expect(outcome).toBe('failed');
    expect(error).toMatch('1024 pages of the guests are not guaranteed, but the swap store holds');
    const onSample = (): never => {
      throw new TypeError('a mistake');
    };
    await expect(runHost(config, { onSample })).rejects.toThrow('a mistake');
  });

  it('gives all memory back, though guests never start and nothing is proved', async () => {
    const text = PAIR.replace('start: 5s', 'start: 19s').replace('duration: 20s', 'duration: 21s');
    const { config } = loadHostDocument(new ScenarioDocument('h.yaml', text), '.');
    const brief = { ...config, durationNs: 1e9, isProved: false };
    await runHost(brief);
    const { created, reused } = memoryPool;
    await runHost(brief);
    expect(memoryPool.created).toBe(created);
    expect(memoryPool.reused).toBe(reused + 2);
  });

  it('reports what it has when it is cancelled', async () => {
    const control = new AbortController();
    control.abort();
    const result = await run(PAIR, control.signal);
    expect(result.outcome).toBe('cancelled');
    expect(result.durationMs).toBe(0);
  });
});
