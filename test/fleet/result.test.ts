import { describe, expect, it } from 'vitest';
import type { UseSample } from '../../src/fleet/evacuation/report.ts';
import { loadEvacuation } from '../../src/fleet/evacuation/load.ts';
import { buildEvacuationResult } from '../../src/fleet/evacuation/result.ts';
import { evacuationResultSchema } from '../../src/fleet/evacuation/result-schema.ts';
import { leavingRates, meanOf, useOverTime } from '../../src/fleet/evacuation/use.ts';
import { resultSchema } from '../../src/result/schema.ts';
import { fakeEvacuation } from '../support/fake-evacuation.ts';

const sample = (ns: number, link: number, cpus = 0, migrations = 0): UseSample => ({
  ns,
  migrations,
  linkBytesPerSecond: [link],
  hostCpus: [cpus],
});

describe('use over time', () => {
  it('averages what samples say over equal periods', () => {
    const samples = [sample(10e6, 100), sample(30e6, 300), sample(40e6, 0)];
    const use = useOverTime(samples, 0, 40e6);
    expect(use.periodMs).toBe(20);
    expect(use.links).toEqual([[200, 150]]);
    expect(meanOf(use.links[0]!, 20, 40)).toBe(175);
  });

  it('begins with the evacuation, not with its guests', () => {
    const use = useOverTime([sample(100e6, 7, 2, 1), sample(140e6, 9, 4, 3)], 100e6, 140e6);
    expect(use).toEqual({ periodMs: 20, migrations: [3, 3], links: [[9, 9]], hosts: [[4, 4]] });
  });

  it('knows that its last period is shorter', () => {
    const use = useOverTime([sample(20e6, 100), sample(25e6, 500)], 0, 25e6);
    expect(use.links).toEqual([[100, 500]]);
    expect(meanOf(use.links[0]!, 20, 25)).toBe(180);
  });

  it('has 600 periods at most', () => {
    const use = useOverTime([sample(3600e9, 5)], 0, 3600e9);
    expect(use.links[0]).toHaveLength(600);
    expect(use.links[0]!.every((value) => value === 5)).toBe(true);
  });

  it('knows that a link carries no more than it can, and the rest later', () => {
    const samples = [sample(20e6, 110), sample(40e6, 105), sample(60e6, 80), sample(80e6, 50)];
    expect(leavingRates(samples, 0, 100)).toEqual([100, 100, 95, 50]);
    expect(leavingRates(samples, 0, Infinity)).toEqual([110, 105, 80, 50]);
    expect(useOverTime(samples, 0, 80e6, [100]).links[0]).toEqual([100, 100, 95, 50]);
  });

  it('is empty when nothing has happened', () => {
    expect(useOverTime([], 0, 0)).toEqual({ periodMs: 20, migrations: [0], links: [], hosts: [] });
    expect(meanOf([0], 20, 0)).toBe(0);
  });
});

describe('the result of an evacuation', () => {
  it('holds a result of a run for each guest', async () => {
    const loaded = loadEvacuation('rack');
    const report = await fakeEvacuation(loaded.config);
    const result = buildEvacuationResult(loaded, report);
    expect(evacuationResultSchema.parse(JSON.parse(JSON.stringify(result)))).toEqual(result);
    expect(result.guests.map(({ name }) => name)).toEqual(
      loaded.config.guests.map(({ name }) => name),
    );
    for (const [index, guest] of result.guests.entries()) {
      expect(() => resultSchema.parse(guest.run)).not.toThrow();
      expect(guest.run!.scenario).toMatchObject({
        name: guest.name,
        seed: loaded.config.guests[index]!.config.seed,
      });
      expect(guest.source).toBe('old');
      expect(guest.waitingMs).toBe(guest.startMs);
      expect(guest.endMs! - guest.startMs!).toBeCloseTo(guest.run!.totalTimeMs, 2);
    }
    expect(result).toMatchObject({
      schema: 'pageferry/evacuation@1',
      source: 'old',
      limits: { outgoing: 2, cluster: 5, inBatches: false },
      emptied: true,
      outcomes: { completed: 12, diverged: 0, waiting: 0 },
    });
    expect(result.limits.incoming).toBeUndefined();
  });

  it('adds the guests up', async () => {
    const loaded = loadEvacuation('rack');
    const result = buildEvacuationResult(loaded, await fakeEvacuation(loaded.config));
    const of = <Value>(value: (guest: (typeof result.guests)[number]) => Value) =>
      result.guests.map(value);
    const total = (values: number[]): number => values.reduce((sum, one) => sum + one, 0);
    expect(result.makespanMs).toBe(Math.max(...of(({ endMs }) => endMs!)));
    expect(result.bytes).toBe(total(of(({ run }) => run!.link.bytes)));
    const downtimes = of(({ run }) => run!.downtimeMs!).toSorted((a, b) => a - b);
    expect(result.downtimeMs!.sum).toBeCloseTo(total(downtimes), 3);
    expect(result.downtimeMs!.median).toBeCloseTo((downtimes[5]! + downtimes[6]!) / 2, 3);
    expect(result.downtimeMs!.max).toBe(downtimes[11]);
    expect(result.waitingMs.max).toBe(Math.max(...of(({ waitingMs }) => waitingMs)));
    expect(result.waitingMs.mean).toBeCloseTo(total(of(({ waitingMs }) => waitingMs)) / 12, 3);
    // The made-up guests lose a twentieth, and their downtime.
    for (const { slowdown, run } of result.guests) {
      const expected = 1 - 0.95 * (1 - run!.downtimeMs! / run!.totalTimeMs);
      expect(Math.abs(slowdown! - expected)).toBeLessThan(0.003);
    }
  });

  it('tells how busy links and hosts were', async () => {
    const loaded = loadEvacuation('rack');
    const result = buildEvacuationResult(loaded, await fakeEvacuation(loaded.config));
    const core = result.links.find(({ name }) => name === 'core forth')!;
    expect(core.bytesPerSecond).toBe(1.25e9);
    expect(core.maxUse).toBeCloseTo(1, 6);
    expect(core.meanUse).toBeGreaterThan(0.9);
    expect(core.meanBytesPerSecond).toBe(Math.round(core.meanUse! * 1.25e9));
    const periods = core.seriesBytesPerSecond.length;
    expect(periods).toBe(Math.ceil(result.makespanMs / result.timeline.periodMs));
    expect(result.timeline.migrations).toHaveLength(periods);
    expect(result.hosts.map(({ name, cpus }) => [name, cpus])).toEqual([
      ['old', 32],
      ['new-1', 32],
      ['new-2', 32],
    ]);
    for (const host of result.hosts) expect(host.seriesCpus).toHaveLength(periods);
  });

  it('says nothing of capacities without a limit', async () => {
    const loaded = loadEvacuation('four', ['runtime=virtual']);
    const { links, hosts } = buildEvacuationResult(loaded, await fakeEvacuation(loaded.config));
    expect(links[0]).toMatchObject({ name: 'old up' });
    expect(links[0]!.bytesPerSecond).toBeUndefined();
    expect(links[0]!.meanUse).toBeUndefined();
    expect(hosts[0]!.cpus).toBeUndefined();
  });

  it('knows who was too late', async () => {
    const loaded = loadEvacuation('rack', ['guests[0].deadline=1ms', 'guests[1].deadline=10min']);
    const result = buildEvacuationResult(loaded, await fakeEvacuation(loaded.config));
    const late = result.guests.filter(({ missedDeadline }) => missedDeadline);
    expect(late.map(({ name }) => name)).toEqual(['dns-1', 'dns-2', 'dns-3']);
    expect(result.missedDeadlines).toBe(3);
    expect(result.guests[3]).toMatchObject({ deadlineMs: 600e3, missedDeadline: false });
    expect(result.guests[7]!.missedDeadline).toBeUndefined();
  });

  it('counts a guest that stayed as too late, and the host as not empty', async () => {
    const sets = ['guests[4].onDiverged=leave', 'guests[4].deadline=1h', 'migration.timeout=1s'];
    const loaded = loadEvacuation('rack', sets);
    const result = buildEvacuationResult(loaded, await fakeEvacuation(loaded.config));
    const batch = result.guests.find(({ name }) => name === 'batch-1')!;
    expect(batch).toMatchObject({ outcome: 'diverged', missedDeadline: true, wasForced: false });
    expect(batch.run!.downtimeMs).toBeUndefined();
    expect(result.emptied).toBe(false);
    expect(result.outcomes.diverged).toBeGreaterThanOrEqual(2);
  });

  it('counts those that were forced', async () => {
    const sets = ['migration.timeout=1s', 'guests[1].migration={ timeout: 1h }'];
    const loaded = loadEvacuation('rack', sets);
    const result = buildEvacuationResult(loaded, await fakeEvacuation(loaded.config));
    const forced = result.guests.filter(({ wasForced }) => wasForced).map(({ name }) => name);
    expect(forced).toEqual(['database', 'batch-1', 'batch-2']);
    expect(result.forced).toBe(3);
    expect(result.guests.find(({ name }) => name === 'database')!.run!.faults).toBeDefined();
  });

  it('lists guests whose turn never came', async () => {
    const loaded = loadEvacuation('rack');
    const controller = new AbortController();
    const report = await fakeEvacuation(loaded.config, {
      signal: controller.signal,
      onProgress: ({ nowNs }) => {
        if (nowNs > 3e9) controller.abort();
      },
    });
    const result = buildEvacuationResult(loaded, report);
    const waiting = result.guests.filter(({ outcome }) => outcome === 'waiting');
    expect(waiting.length).toBeGreaterThan(3);
    for (const guest of waiting) {
      expect(guest.run).toBeUndefined();
      expect(guest.target).toBeUndefined();
      expect(guest.startMs).toBeUndefined();
      expect(guest.waitingMs).toBe(result.makespanMs);
    }
    expect(result.outcomes.cancelled).toBe(2);
    expect(result.emptied).toBe(false);
  });

  it('names the machine of a run in real time', async () => {
    const loaded = loadEvacuation('four');
    const result = buildEvacuationResult(loaded, await fakeEvacuation(loaded.config));
    expect(result.host!.cpus).toBeGreaterThan(0);
    expect(result.guests[0]!.run!.host!.cpus).toBe(result.host!.cpus);
  });

  it('does not know the CPUs that nobody has counted', async () => {
    const loaded = loadEvacuation('four');
    const report = await fakeEvacuation(loaded.config);
    const samples = report.samples.map((one) => ({ ...one, hostCpus: [] }));
    const { hosts } = buildEvacuationResult(loaded, { ...report, samples });
    expect(hosts).toEqual([{ name: 'old' }, { name: 'new-1' }, { name: 'new-2' }]);
  });

  it('is the same for the same report', async () => {
    const loaded = loadEvacuation('rack');
    const texts = [];
    for (let i = 0; i < 2; i++) {
      texts.push(
        JSON.stringify(buildEvacuationResult(loaded, await fakeEvacuation(loaded.config))),
      );
    }
    expect(texts[0]).toBe(texts[1]);
  });
});
