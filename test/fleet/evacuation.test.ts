import { describe, expect, it } from 'vitest';
import { leavingRates } from '../../src/fleet/evacuation/use.ts';
import { runEvacuation } from '../../src/fleet/evacuation/run.ts';
import type { EvacuationReport } from '../../src/fleet/evacuation/report.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { VirtualWorld } from '../../src/runtime/virtual/world.ts';
import { evacuation, virtualRun, writer } from '../support/evacuation.ts';

const durationNs = ({ startedNs, endedNs }: EvacuationReport['guests'][number]): number =>
  endedNs! - startedNs!;

describe('a world of one guest and one migration', () => {
  it.each([
    ['pre-copy', {}],
    ['pre-copy of policy qemu', { policy: 'qemu', downtimeLimitNs: 20e6 }],
    ['pre-copy with a limit of its own', { maxBytesPerSecond: 40e6, strictRate: true }],
    ['stop-and-copy', { algorithm: 'stop-and-copy' }],
    ['post-copy', { algorithm: 'postcopy' }],
    ['hybrid', { algorithm: 'hybrid', postcopyAfter: 1 }],
    ['one that does not converge', { rounds: 1000, timeoutNs: 400e6 }],
  ] as const)('is the run that it was: %s', async (_, migration) => {
    const config = virtualRun({ migration });
    const alone = await runVirtual(config);
    const { guests } = await runEvacuation(evacuation([{ config }]));
    expect(guests[0]!.run).toEqual(alone);
    expect(alone.proof?.ok).toBe(true);
  });
});

describe('migrations that share a link', () => {
  const still = virtualRun({
    guest: { workloads: [] },
    migration: { algorithm: 'stop-and-copy', encodings: [] },
  });

  it('take half of it each when there are two equal ones', async () => {
    const one = await runEvacuation(evacuation([{ config: still }]));
    const two = await runEvacuation(evacuation([{ config: still }, { config: still }]));
    const aloneNs = durationNs(one.guests[0]!);
    for (const guest of two.guests) {
      expect(guest.run!.source.linkBytes).toBe(one.guests[0]!.run!.source.linkBytes);
      expect(durationNs(guest) / aloneNs).toBeGreaterThan(1.97);
      expect(durationNs(guest) / aloneNs).toBeLessThan(2.001);
    }
    // The last frame of one has the link for itself when the other is through: a frame is a millisecond.
    const apartNs = durationNs(two.guests[0]!) - durationNs(two.guests[1]!);
    expect(Math.abs(apartNs)).toBeLessThan(1.5e6);
  });

  it('are max-min fair when their limits differ', async () => {
    const limited = (maxBytesPerSecond: number) => ({
      config: { ...still, migration: { ...still.migration, maxBytesPerSecond, strictRate: true } },
    });
    const { guests } = await runEvacuation(
      evacuation([limited(10e6), limited(30e6), limited(Infinity)]),
    );
    const rates = guests.map((guest) => guest.run!.source.linkBytes / (durationNs(guest) / 1e9));
    // 10 and 30 get what they want, and 60 MB/s are left for the third one.
    [10e6, 30e6, 60e6].forEach((rate, i) => expect(rates[i]! / rate).toBeCloseTo(1, 1));
  });

  it('never exceed its capacity', async () => {
    const guests = Array.from({ length: 5 }, () => ({ config: virtualRun() }));
    const report = await runEvacuation(evacuation(guests));
    const { samples, links } = report;
    expect(samples.length).toBeGreaterThan(2);
    links.forEach(({ bytesPerSecond }, link) => {
      // What a sender has put on the link before it rests is under way while others take its share.
      for (const { linkBytesPerSecond } of samples.slice(0, -1)) {
        expect(linkBytesPerSecond[link]).toBeLessThanOrEqual(bytesPerSecond * 1.1);
      }
    });
    // As the bytes left, the link is never above its capacity, and none of them is left out.
    const core = links.findIndex(({ bytesPerSecond }) => bytesPerSecond < Infinity);
    const left = leavingRates(samples, core, links[core]!.bytesPerSecond);
    const bytesOf = (rates: readonly number[]): number =>
      rates.reduce((sum, rate, i) => sum + rate * (samples[i]!.ns - (samples[i - 1]?.ns ?? 0)), 0);
    const handed = samples.map(({ linkBytesPerSecond }) => linkBytesPerSecond[core]!);
    expect(Math.max(...handed)).toBeGreaterThan(links[core]!.bytesPerSecond * 1.001);
    expect(Math.max(...left)).toBeLessThanOrEqual(links[core]!.bytesPerSecond);
    expect(bytesOf(left) / bytesOf(handed)).toBeCloseTo(1, 2);
    const bytes = report.guests.reduce((sum, { run }) => sum + run!.source.linkBytes, 0);
    expect(bytes / ((report.endedNs - report.startedNs) / 1e9)).toBeLessThan(100e6 * 1.002);
  });

  it('give the same evacuation every time, and every guest is proved', async () => {
    const config = evacuation(
      [20_000, 1000, 0].map((rate) => ({
        config: virtualRun({ guest: { workloads: rate > 0 ? [writer(rate)] : [] } }),
      })),
      { limits: { outgoing: 2, incoming: 1, cluster: 2, inBatches: false } },
    );
    const first = await runEvacuation(config);
    expect(await runEvacuation(config)).toEqual(first);
    for (const { run, target } of first.guests) {
      expect(run?.source.outcome).toBe('completed');
      expect(run?.proof?.ok).toBe(true);
      expect(target).toMatch(/^new-/);
    }
  });
});

describe('a director that is over before its migration', () => {
  it('does not keep the world from ending the migration and proving it', async () => {
    const config = evacuation([{ config: virtualRun() }]);
    const world = new VirtualWorld(config);
    await world.settle([{ name: 'guest', host: config.source, config: config.guests[0]!.config }]);
    const ends: number[] = [];
    let hasBegun = false;
    await world.play({
      begin: () => {
        world.migrate('guest', config.hosts[1]!.name);
        hasBegun = true;
      },
      onMigrationEnd: (_, nowNs) => void ends.push(nowNs),
      watch: () => undefined,
      get isOver() {
        return hasBegun;
      },
    });
    expect(ends).toHaveLength(1);
    expect((await world.reports()).get('guest')!.proof?.ok).toBe(true);
  });
});

describe('limits of parallel migrations', () => {
  it.each([1, 2, 3])('%i at a time', async (cluster) => {
    const guests = Array.from({ length: 6 }, () => ({ config: virtualRun() }));
    const limits = { outgoing: Infinity, incoming: Infinity, cluster, inBatches: false };
    const report = await runEvacuation(evacuation(guests, { limits }));
    const ends = report.guests.map(({ startedNs, endedNs }) => [startedNs!, endedNs!] as const);
    const atOnce = ends.map(
      ([startNs]) => ends.filter(([from, to]) => from <= startNs && startNs < to).length,
    );
    expect(Math.max(...atOnce)).toBe(cluster);
    expect(report.endedNs).toBe(Math.max(...ends.map(([, endNs]) => endNs)));
  });
});

describe("a host's CPUs", () => {
  it('are shared by its guests: two busy guests on one CPU get half of it each', async () => {
    const config = virtualRun({
      guest: { vcpus: 1, workloads: [writer(Infinity)] },
      migration: { startAfterNs: 500e6, runAfterNs: 0 },
    });
    const accessesBefore = async (cpus: number): Promise<number[]> => {
      const hosts = [
        { name: 'old', cpus, nicBytesPerSecond: 100e6 },
        { name: 'new-1', cpus: Infinity, nicBytesPerSecond: 100e6 },
      ];
      const report = await runEvacuation(evacuation([{ config }, { config }], { hosts }));
      return report.guests.map(({ run, startedNs }) => {
        return run!.guest.timeline.find(({ ns }) => ns >= startedNs!)!.accesses;
      });
    };
    const [alone, shared] = [await accessesBefore(2), await accessesBefore(1)];
    alone.forEach((accesses, i) => expect(shared[i]! / accesses).toBeCloseTo(0.5, 1));
  });

  it('slow a sender down that has to share them', async () => {
    const costs = { encodeNs: 40_000 };
    const idle = virtualRun({ guest: { workloads: [] }, costs });
    const busy = virtualRun({ guest: { workloads: [writer(Infinity)] }, costs });
    const limits = { outgoing: 1, incoming: 1, cluster: 1, inBatches: false };
    const durationWith = async (cpus: number): Promise<number> => {
      const hosts = ['old', 'new-1'].map((name) => ({ name, cpus, nicBytesPerSecond: 100e6 }));
      const guests = [{ config: idle }, { config: busy }];
      const report = await runEvacuation(evacuation(guests, { hosts, limits }));
      expect(report.guests[0]!.run!.proof?.ok).toBe(true);
      return durationNs(report.guests[0]!);
    };
    expect(await durationWith(1)).toBeGreaterThan(1.8 * (await durationWith(16)));
  });
});

describe('a guest that does not converge', () => {
  const config = virtualRun({
    guest: { workloads: [writer(100_000)] },
    migration: { rounds: 100_000, timeoutNs: 500e6 },
  });

  it.each([
    ['leave', 'diverged', false],
    ['stop-and-copy', 'completed', true],
    ['postcopy', 'completed', true],
  ] as const)('%s: ends %s', async (onDiverged, outcome, wasForced) => {
    const { guests } = await runEvacuation(evacuation([{ config, onDiverged }]));
    const { run, wasForced: forced } = guests[0]!;
    expect(run!.source.outcome).toBe(outcome);
    expect(forced).toBe(wasForced);
    expect(run!.source.postcopy !== undefined).toBe(onDiverged === 'postcopy');
    expect(run!.proof?.ok).toBe(true);
  });
});

describe('an evacuation that is called off', () => {
  it('leaves the guests where they are', async () => {
    const controller = new AbortController();
    const guests = Array.from({ length: 3 }, () => ({
      config: virtualRun({ migration: { rounds: 1000 }, guest: { workloads: [writer(100_000)] } }),
    }));
    const limits = { outgoing: 1, incoming: 1, cluster: 1, inBatches: false };
    const report = await runEvacuation(evacuation(guests, { limits }), {
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    const [first, ...others] = report.guests;
    expect(first!.run!.source.outcome).toBe('cancelled');
    expect(first!.run!.proof?.ok).toBe(true);
    // Those whose turn had not come have not begun.
    for (const guest of others) expect(guest).toEqual({ name: guest.name, wasForced: false });
  });
});
