import { describe, expect, it } from 'vitest';
import { fleetSummary } from '../../../src/cli/fleet-table.ts';
import { loadFleet } from '../../../src/fleet/datacentre/load.ts';
import { buildFleetResult } from '../../../src/fleet/datacentre/result.ts';
import { runFleet } from '../../../src/fleet/datacentre/run.ts';
import { fleetSvg } from '../../../src/report/fleet.ts';
import { lendFactory } from '../../../src/runtime/common/own-kinds.ts';
import type { MigrationReport } from '../../../src/fleet/datacentre/report.ts';
import { fleetOf, moveAt } from './fleets.ts';

/** Table 1 of Wood et al. with guests of a sixteenth of the memory, which changes no decision. */
const SMALL = [
  ...[0, 1, 2, 3].map((guest) => `guests[${guest}].guest.memory=16MiB`),
  'guests[4].guest.memory=8MiB',
  'migration.maxBandwidth=40MB/s',
];

let ticks = 0;

/** Returns the heights at which a chart of a fleet has the names of migrations. */
const namesAt = (svg: string): string[] => [
  ...new Set(Array.from(svg.matchAll(/ y="([^"]+)"[^>]*>[^<]* → [^<]*</g), ([, y]) => y!)),
];

describe('three hotspots one after another', () => {
  it('are those of table 1, and twice the same result', async () => {
    const loaded = loadFleet('three-hotspots', SMALL);
    const result = buildFleetResult(loaded, await runFleet(loaded.config));
    expect(result.migrations.map(({ guest, from, to }) => [guest, from, to])).toEqual([
      ['vm1', 'pm-1', 'pm-3'],
      ['vm4', 'pm-2', 'pm-1'],
      ['vm5', 'pm-3', 'pm-2'],
    ]);
    // The paper detects the first two at 166 and 362 s.
    const [first, second] = result.decisions.map(({ atMs }) => atMs / 1000);
    expect(Math.abs(first! - 166)).toBeLessThanOrEqual(10);
    expect(Math.abs(second! - 362)).toBeLessThanOrEqual(10);
    expect(result.ok).toBe(true);
    for (const { run, downtimeMs } of result.migrations) {
      expect(run!.verify).toMatchObject({ ok: true });
      expect(downtimeMs).toBeGreaterThan(0);
    }
    const clock = { now: () => ticks++ };
    const report = await runFleet(loaded.config, { clock });
    // Each of five guests lives through 800 steps of a second, and the one that begins with the last of them.
    expect(report.wall).toMatchObject({ ns: 1, vmSteps: 5 * 801 });
    expect(report.wall!.events).toBeGreaterThan(801);
    const again = buildFleetResult(loaded, report);
    expect(JSON.stringify(again)).toBe(JSON.stringify(result));
    const cost = {
      ns: 4e9,
      cpuNs: 2.5e9,
      events: 50_000,
      vmSteps: 4000,
      memoryBytes: 300 * 2 ** 20,
    };
    const summary = fleetSummary(result, cost);
    expect(summary).toContain(
      'emulated in 4 s, 2.5 s of them CPU time: 50k (20k a CPU second) events, 4000 (1600 a CPU second) steps of guests, 300 MiB of memory',
    );
    expect(summary).toContain('vm4');
    expect(summary).toContain('proved: the memory of all 3 migrations is right');
    const svg = fleetSvg(result);
    expect(svg).toContain('CPU of pm-3');
    // The names of migrations at 160, 360 and 690 of 800 s lie side by side; of two close together one is below the other.
    expect(namesAt(svg)).toHaveLength(1);
    const near = [{}, { startMs: 190e3, endMs: 200e3 }];
    const migrations = near.map((times) => ({ ...result.migrations[0]!, ...times }));
    expect(namesAt(fleetSvg({ ...result, migrations }))).toHaveLength(2);
  });

  it('stay where nothing moves, and break a promise', async () => {
    const { config } = loadFleet('three-hotspots', [
      ...SMALL,
      'policy=none',
      'applications[0].sla={ mean: 10ms, costPerMinute: 2 }',
    ]);
    const { migrations, applications } = await runFleet(config);
    expect(migrations).toEqual([]);
    // The host is at 84 % from 125 to 320 s.
    expect(applications[0]!.violationNs / 1e9).toBe(195);
    expect(applications[0]!.cost).toBeCloseTo(6.5, 9);
  });
});

const PAIR = `duration: 60s
monitor: { interval: 5s }
hosts: [{ name: pm, count: 2, cpus: 1, memory: 64MiB }]
guests:
  - { name: web, guest: { memory: 16MiB, vcpus: 1 } }
  - { name: idle, host: pm-2, guest: { memory: 8MiB, vcpus: 1 } }
applications:
  - name: shop
    tiers: [{ guests: web, service: 10ms, pagesPerRequest: 10 }]
    load: { kind: constant, rate: 50 }
`;

describe('a policy of one’s own', () => {
  it('moves what it likes', async () => {
    const forget = lendFactory('own.mjs', ({ to }) => ({
      name: 'own',
      decide: ({ nowNs }: { nowNs: number }) =>
        nowNs === 10e9
          ? {
              chains: [
                [
                  { vm: 'web', to },
                  { vm: 'idle', to: 'pm-1' },
                ],
              ],
            }
          : undefined,
    }));
    try {
      const { config } = fleetOf(PAIR);
      const policy = {
        kind: { module: 'own.mjs', export: 'own', options: { to: 'pm-2' } },
        options: {},
      };
      const report = await runFleet({ ...config, policy });
      expect(report.policy).toBe('own');
      const [one, two] = report.migrations;
      expect(one).toMatchObject({ vm: 'web', from: 'pm-1', to: 'pm-2', isMoved: true });
      expect(two).toMatchObject({ vm: 'idle', from: 'pm-2', to: 'pm-1', isMoved: true });
      // The second one waits for the first.
      expect(two!.startNs).toBeGreaterThanOrEqual(one!.endNs);
    } finally {
      forget();
    }
  });
});

describe('an agreement that is always violated', () => {
  it.each(['fluid', 'events'])(
    'is violated during a migration that is over within a step, of requests as %s',
    async (fidelity) => {
      const { config } = fleetOf(`fidelity: ${fidelity}\n${PAIR}    sla: { mean: 1us }\n`);
      const report = await runFleet(config, { policy: moveAt([[10, 'web', 'pm-2']]) });
      const [{ startNs, endNs }] = report.migrations as [MigrationReport];
      expect(endNs - startNs).toBeLessThan(1e9);
      const [shop] = report.applications;
      const { violationNs, violationMigratingNs, p99MigratingNs, p99OutsideNs, p99Ns } = shop!;
      expect([violationNs > 50e9, violationMigratingNs]).toEqual([true, 1e9]);
      // A stop holds the requests of that second up, and those of no other.
      expect(p99MigratingNs! / p99OutsideNs!).toBeGreaterThan(1.25);
      expect(p99OutsideNs).toBeLessThanOrEqual(p99Ns);
    },
  );
});

describe('Sandpiper with a look into guests', () => {
  const gray = `policy: sandpiper-gray\n${PAIR}`;

  it('leaves guests as they are whose use of memory is not stated', async () => {
    const { decisions, vms } = await runFleet(fleetOf(gray).config);
    expect(decisions).toEqual([]);
    expect(vms[0]!.memoryBytes).toBe(16 * 2 ** 20);
  });

  it('lets one grow that has little memory free', async () => {
    const text = gray
      .replace('memory: 64MiB', 'memory: 96MiB')
      .replace('name: web,', 'name: web, memoryUse: [{ at: 0s, used: 1MiB }],');
    const { decisions, vms } = await runFleet(fleetOf(text).config);
    expect(decisions.map(({ atNs }) => atNs)).toEqual([5e9]);
    expect(vms[0]!.memoryBytes).toBe(48 * 2 ** 20);
  });
});

describe('requests that write pages', () => {
  it('make the dirtying: a busier guest dirties more in its migration', async () => {
    const dirtied = async (rate: number): Promise<number> => {
      const { config } = fleetOf(PAIR.replace('rate: 50', `rate: ${rate}`));
      const policy = {
        name: 'once',
        decide: ({ nowNs }: { nowNs: number }) =>
          nowNs === 10e9 ? { chains: [[{ vm: 'web', to: 'pm-2' }]] } : undefined,
      };
      const { migrations } = await runFleet(config, { policy });
      const { timeline } = migrations[0]!.run!.guest;
      return timeline.at(-1)!.accesses;
    };
    // Ten accesses a request, for the ten seconds before the migration and the fraction of one that it takes.
    expect(Math.abs((await dirtied(50)) / 5000 - 1)).toBeLessThan(0.1);
    expect(Math.abs((await dirtied(20)) / 2000 - 1)).toBeLessThan(0.1);
  });
});
