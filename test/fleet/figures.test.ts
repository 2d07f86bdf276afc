import { describe, expect, it } from 'vitest';
import { checkMemory } from '../../src/fleet/evacuation/check.ts';
import type { EvacuatedGuest } from '../../src/fleet/evacuation/config.ts';
import { Evacuation } from '../../src/fleet/evacuation/evacuation.ts';
import { wasForced } from '../../src/fleet/evacuation/force.ts';
import { loadEvacuation } from '../../src/fleet/evacuation/load.ts';
import { buildEvacuationResult } from '../../src/fleet/evacuation/result.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import type { World, WorldMigration } from '../../src/runtime/world/world.ts';
import { fakeEvacuation } from '../support/fake-evacuation.ts';

const MIB = 2 ** 20;

describe('the result of an evacuation', () => {
  it('has the median downtime of any number of guests', async () => {
    const loaded = loadEvacuation('rack');
    const report = await fakeEvacuation(loaded.config);
    for (let count = 1; count <= report.guests.length; count++) {
      const result = buildEvacuationResult(loaded, {
        ...report,
        guests: report.guests.slice(0, count),
      });
      const sorted = result.guests.map(({ run }) => run!.downtimeMs!).toSorted((a, b) => a - b);
      const [low, high] = [sorted[(count - 1) >> 1]!, sorted[count >> 1]!];
      expect(result.downtimeMs!.median, `${count} guests`).toBeCloseTo((low + high) / 2, 3);
    }
  });

  it("counts a deadline from the evacuation's start, however long a guest has waited", async () => {
    const first = loadEvacuation('rack');
    const { guests } = buildEvacuationResult(first, await fakeEvacuation(first.config));
    const waited = guests.findLastIndex(({ startMs, endMs }) => startMs! > endMs! - startMs!);
    const ownMs = guests[waited]!.endMs! - guests[waited]!.startMs!;
    const report = await fakeEvacuation(first.config);
    // The guest has time for its own migration, and not for its turn as well.
    const deadlineNs = (ownMs + 1) * 1e6;
    const config = {
      ...first.config,
      guests: first.config.guests.map((one, i) => (i === waited ? { ...one, deadlineNs } : one)),
    };
    const result = buildEvacuationResult({ ...first, config }, report);
    expect(result.guests[waited]).toMatchObject({ missedDeadline: true });
    expect(result.missedDeadlines).toBe(1);
  });

  it('shows no slow-down for a guest that was faster than before', async () => {
    const loaded = loadEvacuation('rack');
    const report = await fakeEvacuation(loaded.config);
    const guests = report.guests.map((guest) => {
      const { run } = guest;
      if (!run) return guest;
      const achievedRate = run.guest.achievedRate?.map((rate) => rate / 2) ?? [];
      return { ...guest, run: { ...run, guest: { ...run.guest, achievedRate } } };
    });
    const result = buildEvacuationResult(loaded, { ...report, guests });
    const slowdowns = result.guests.flatMap(({ slowdown }) => slowdown ?? []);
    expect(slowdowns.length).toBeGreaterThan(3);
    expect(Math.min(...slowdowns)).toBe(0);
  });
});

describe('the memory of an evacuation', () => {
  const guest = (mib: number, hasBytes = true): EvacuatedGuest =>
    ({ hasBytes, config: { guest: { memoryBytes: mib * MIB } } }) as EvacuatedGuest;

  it('is that of both sides of each guest with real bytes', () => {
    const guests = [guest(100), guest(50), guest(4000, false)];
    expect(checkMemory(guests, (512 + 300) * MIB)).toEqual([]);
    expect(checkMemory(guests, (512 + 300) * MIB - 1)).toHaveLength(1);
  });
});

describe('a guest', () => {
  it('was forced when it was stopped at its timeout or later, counted from its own start', () => {
    const migration = { algorithm: 'precopy', timeoutNs: 10e9 };
    const guest = { config: { migration }, onDiverged: 'postcopy' } as EvacuatedGuest;
    const stoppedAfter = (ns: number): boolean =>
      wasForced(guest, { startNs: 500e9, stop: { pauseAskedNs: 500e9 + ns } } as SourceReport);
    expect([9.9e9, 10e9, 11e9].map(stoppedAfter)).toEqual([false, true, true]);
    expect(
      wasForced({ ...guest, onDiverged: 'leave' }, {
        startNs: 0,
        stop: { pauseAskedNs: 20e9 },
      } as SourceReport),
    ).toBe(false);
  });
});

describe('the director of an evacuation', () => {
  it('does not count a guest at a target that it did not reach', () => {
    const starts: string[] = [];
    const world = {
      migrate: (guest: string, target: string) => void starts.push(`${guest} to ${target}`),
      hostCpuNs: () => undefined,
      links: [],
      migrations: [],
      linkBytesPerSecond: () => [],
    } as unknown as World;
    const names = ['a', 'b', 'c'];
    const limits = { outgoing: 1, incoming: Infinity, cluster: Infinity, inBatches: false };
    const config = {
      hosts: ['old', 'x', 'y'].map((name) => ({ name, cpus: 1, nicBytesPerSecond: 1 })),
      source: 'old',
      guests: names.map((name) => ({ name }) as EvacuatedGuest),
      limits,
      order: 'given' as const,
    };
    const evacuation = new Evacuation(config as never, world, {});
    evacuation.sampler.begin = () => undefined;
    evacuation.sampler.sample = () => undefined;
    evacuation.begin(0);
    const end = (guest: string, outcome: string): void =>
      evacuation.onMigrationEnd({ guest, report: { outcome } } as WorldMigration, 1);
    end('a', 'diverged');
    end('b', 'completed');
    expect(starts).toEqual(['a to x', 'b to x', 'c to y']);
    expect(evacuation.isOver).toBe(false);
    end('c', 'completed');
    expect(evacuation.isOver).toBe(true);
  });
});
