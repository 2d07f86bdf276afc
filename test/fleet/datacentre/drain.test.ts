import { describe, expect, it } from 'vitest';
import type { FleetReport } from '../../../src/fleet/datacentre/report.ts';
import { runFleet } from '../../../src/fleet/datacentre/run.ts';
import { fleetOf } from './fleets.ts';

const FILE = `duration: 60s
monitor: { interval: 5s }
hosts:
  - { name: old, count: 2, cpus: 2, memory: 64MiB, nic: 100Mbit/s }
  - { name: new, count: 3, cpus: 2, memory: 64MiB, nic: 100Mbit/s }
guests:
  - { name: a, count: 6, host: old-1, guest: { memory: 4MiB, vcpus: 1 } }
  - { name: b, count: 6, host: old-2, guest: { memory: 4MiB, vcpus: 1 } }
`;

/** Returns the most migrations under way at a time, in all and from one host. */
function mostAtATime({ migrations }: FleetReport): { readonly all: number; readonly from: number } {
  const under = migrations.map(({ startNs }) =>
    migrations.filter((one) => one.startNs <= startNs && startNs < one.endNs),
  );
  const from = under.flatMap((all) =>
    ['old-1', 'old-2'].map((host) => all.filter((one) => one.from === host).length),
  );
  return { all: Math.max(...under.map(({ length }) => length)), from: Math.max(...from) };
}

const drain = (hosts: string, more = ''): string =>
  `${FILE}policy: { kind: drain, hosts: ${hosts} }\n${more}`;

describe('a drain', () => {
  it.each([
    ['kubevirt', { all: 4, from: 2 }],
    ['nova', { all: 2, from: 1 }],
  ])('empties hosts by the limits of %s, and they stay empty', async (preset, most) => {
    const { config } = fleetOf(
      drain('[{ name: old, at: 10s }]', `parallel: { preset: ${preset} }`),
    );
    const report = await runFleet(config);
    expect(report.hosts.map(({ vms }) => vms.length)).toEqual([0, 0, 4, 4, 4]);
    expect(report.migrations.length).toBe(12);
    expect(report.migrations[0]!.startNs).toBe(10e9);
    expect(mostAtATime(report)).toEqual(most);
  });

  it('leaves hosts alone until their time, and moves nothing to one whose time is yet to come', async () => {
    // The second one has the least memory free, so that it would come first.
    const hosts12 = '[{ name: old-1, at: 10s }, { name: old-2, at: 40s }], placement: best-fit';
    const text = drain(hosts12, 'powerOff: true');
    const { hosts, migrations } = await runFleet(fleetOf(text).config);
    const [first, second] = [migrations.slice(0, 6), migrations.slice(6)];
    expect(first.every(({ from, to }) => from === 'old-1' && to.startsWith('new'))).toBe(true);
    expect(second.map(({ from }) => from)).toEqual(Array(6).fill('old-2'));
    expect(Math.min(...second.map(({ startNs }) => startNs))).toBe(40e9);
    // Idle hosts draw 100 W until they are switched off.
    const seconds = hosts.map(({ energyJoules }) => energyJoules / 100);
    expect(seconds[0]).toBeGreaterThan(10);
    expect(seconds[0]).toBeLessThan(20);
    expect(seconds[1]).toBeGreaterThan(40);
    expect(seconds[1]).toBeLessThan(50);
  });

  it.each([
    ['first-fit', [0, 0, 12, 0, 1]],
    ['best-fit', [0, 0, 0, 0, 13]],
    ['spread', [0, 0, 5, 5, 3]],
  ])('places guests by %s', async (placement, expected) => {
    // The last host has the least memory free.
    const tight = '  - { name: c, host: new-3, guest: { memory: 8MiB, vcpus: 1 } }\n';
    const text = `${FILE}${tight}policy: { kind: drain, hosts: [{ name: old }], placement: ${placement} }\n`;
    const { hosts } = await runFleet(fleetOf(text).config);
    expect(hosts.map(({ vms }) => vms.length)).toEqual(expected);
  });

  it('leaves guests where they are that find no room', async () => {
    const text = drain('[{ name: old }, { name: new-1 }, { name: new-2 }]').replace(
      'new, count: 3, cpus: 2, memory: 64MiB',
      'new, count: 3, cpus: 2, memory: 16MiB',
    );
    const { hosts, decisions } = await runFleet(fleetOf(text).config);
    expect(decisions).toMatchObject([{ isPartial: true }]);
    expect(decisions[0]!.moves.length).toBe(4);
    expect(hosts.map(({ vms }) => vms.length)).toEqual([2, 6, 0, 0, 4]);
  });

  it('has another policy watch the rest, which moves nothing to an empty host', async () => {
    const load = `applications:
  - { name: shop, tiers: [{ guests: b, service: 5ms }], load: { kind: constant, rate: 1800 } }
`;
    const { hosts, migrations } = await runFleet(
      fleetOf(
        `${FILE}${load}policy: { kind: drain, hosts: [{ name: old-1, at: 5s }], others: load-aware }\n`,
      ).config,
    );
    expect(hosts[0]!.vms).toEqual([]);
    expect(hosts[0]!.series.cpu.at(-1)).toBe(0);
    const relieved = migrations.filter(({ from }) => from === 'old-2');
    expect(relieved.length).toBeGreaterThan(0);
    expect(relieved.every(({ to }) => to.startsWith('new'))).toBe(true);
  });
});
