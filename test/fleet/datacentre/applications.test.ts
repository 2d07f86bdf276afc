import { describe, expect, it } from 'vitest';
import {
  type Distribution,
  draw,
  meanOf,
  varianceOf,
} from '../../../src/fleet/datacentre/applications/distribution.ts';
import { Histogram } from '../../../src/fleet/datacentre/applications/histogram.ts';
import { type Load, rateAt } from '../../../src/fleet/datacentre/applications/load.ts';
import {
  capacityPerSecond,
  NORMAL_99,
  percentileNs,
} from '../../../src/fleet/datacentre/applications/queueing.ts';
import type { ApplicationReport } from '../../../src/fleet/datacentre/report.ts';
import { runFleet } from '../../../src/fleet/datacentre/run.ts';
import { Generator } from '../../../src/random/generator.ts';
import { fleetOf } from './fleets.ts';

describe('the bound of G/G/1', () => {
  it('is 40 requests a second for 20 ms of service, 100 ms of response and variances of 0.0004', () => {
    expect(capacityPerSecond(0.02, 0.1, 0.0004, 0.0004)).toBeCloseTo(40, 9);
  });

  it('refuses a response that is not longer than its service', () => {
    expect(() => capacityPerSecond(0.1, 0.1, 0, 0)).toThrow(RangeError);
  });
});

describe('a distribution', () => {
  it.each<Distribution>([
    { kind: 'constant', mean: 5 },
    { kind: 'exponential', mean: 5 },
    { kind: 'uniform', low: 2, high: 8 },
    { kind: 'lognormal', mean: 5, cv: 0.7 },
    { kind: 'pareto', mean: 5, shape: 6 },
  ])('has the mean and the variance that it is said to have: %o', (of) => {
    const random = new Generator(7);
    const draws = Array.from({ length: 20_000 }, () => draw(of, random));
    const mean = draws.reduce((sum, one) => sum + one, 0) / draws.length;
    const variance =
      draws.reduce((sum, one) => sum + (one - mean) * (one - mean), 0) / draws.length;
    expect(Math.abs(mean / meanOf(of) - 1)).toBeLessThan(0.03);
    expect(Math.abs(variance - varianceOf(of))).toBeLessThanOrEqual(0.12 * varianceOf(of) + 1e-9);
  });
});

describe('a load', () => {
  const s = 1e9;
  it.each<[Exclude<Load, { kind: 'closed' }>, readonly (readonly [atS: number, rate: number])[]]>([
    [
      { kind: 'constant', perSecond: 7 },
      [
        [0, 7],
        [1e6, 7],
      ],
    ],
    [
      {
        kind: 'trace',
        isRamp: false,
        points: [
          { atNs: 0, value: 1 },
          { atNs: 10 * s, value: 5 },
        ],
      },
      [
        [0, 1],
        [9.9, 1],
        [10, 5],
        [99, 5],
      ],
    ],
    [
      {
        kind: 'trace',
        isRamp: true,
        points: [
          { atNs: 0, value: 1 },
          { atNs: 10 * s, value: 5 },
        ],
      },
      [
        [0, 1],
        [5, 3],
        [10, 5],
        [99, 5],
      ],
    ],
    [
      { kind: 'diurnal', low: 2, high: 10, periodNs: 100 * s, phaseNs: 0 },
      [
        [0, 2],
        [25, 6],
        [50, 10],
        [75, 6],
        [150, 10],
      ],
    ],
    [
      { kind: 'bursts', base: 1, peak: 9, periodNs: 10 * s, lengthNs: 2 * s, phaseNs: 0 },
      [
        [0, 1],
        [7.9, 1],
        [8, 9],
        [9.9, 9],
        [10, 1],
      ],
    ],
  ])('%o', (load, expected) => {
    for (const [atS, rate] of expected) expect(rateAt(load, atS * s)).toBeCloseTo(rate, 9);
  });
});

describe('a histogram', () => {
  it('knows percentiles within 5 %', () => {
    const histogram = new Histogram();
    for (let ms = 1; ms <= 1000; ms++) histogram.add(ms * 1e6);
    expect(Math.abs(histogram.percentile(0.99) / 990e6 - 1)).toBeLessThan(0.05);
    expect(Math.abs(histogram.percentile(0.5) / 500e6 - 1)).toBeLessThan(0.05);
    expect(histogram.meanNs).toBeCloseTo(500.5e6, 3);
  });

  it('has the percentile of an exponential distribution by the formula of the fluid', () => {
    expect(percentileNs(10, 100, NORMAL_99)).toBeCloseTo(10 * Math.log(100), 0);
  });
});

const FILE = `duration: 120s
monitor: { interval: 10s, dom0PerMB: 0s }
hosts:
  - { name: pm, count: 2, cpus: CPUS, memory: 1GiB, nic: 100Mbit/s }
guests:
  - { name: web, count: 2, host: pm-1, guest: { memory: 64MiB, vcpus: CPUS } }
  - { name: db, host: pm-2, guest: { memory: 64MiB, vcpus: CPUS } }
applications:
  - name: shop
    tiers:
      - { guests: web, service: { kind: SERVICE, mean: 5ms }, response: 4KiB }
      - { guests: db, service: { kind: SERVICE, mean: 4ms } }
    load: LOAD
    latency: 0s
policy: none
`;

const BUSY = `duration: 60s
monitor: { dom0PerMB: 0s }
hosts: [{ name: pm, cpus: 1, memory: 1GiB, nic: 1Gbit/s }]
guests: [{ name: calm, guest: { memory: 4MiB } }, { name: greedy, guest: { memory: 4MiB } }]
applications:
  - { name: calm, tiers: [{ guests: calm, service: { kind: exponential, mean: 5ms } }], latency: 0s,
      load: { kind: constant, rate: 30 } }
  - { name: greedy, tiers: [{ guests: greedy, service: { kind: exponential, mean: 5ms } }], latency: 0s,
      load: { kind: constant, rate: 300 }, queue: 100 }
policy: none
`;

async function shopOf(fidelity: string, cpus: number, load: string, service: string) {
  const text = FILE.replaceAll('CPUS', String(cpus)).replace('LOAD', load);
  const { config } = fleetOf(`fidelity: ${fidelity}\n${text.replaceAll('SERVICE', service)}`);
  const report = await runFleet(config);
  return { report, shop: report.applications[0]! };
}

describe('requests as events and as flows', () => {
  it.each([
    [1, '{ kind: constant, rate: 60 }', 'exponential'],
    [1, '{ kind: constant, rate: 150 }', 'exponential'],
    [1, '{ kind: constant, rate: 120 }', 'constant'],
    [2, '{ kind: constant, rate: 250 }', 'exponential'],
    [1, '{ kind: closed, users: 40, think: 300ms }', 'exponential'],
  ])('agree on %i CPUs under %s with %s service', async (cpus, load, service) => {
    const [{ report: one, shop: events }, { report: other, shop: fluid }] = await Promise.all([
      shopOf('events', cpus, load, service),
      shopOf('fluid', cpus, load, service),
    ]);
    const ratio = (of: (shop: ApplicationReport) => number): number => of(fluid) / of(events);
    expect(Math.abs(ratio(({ served }) => served) - 1)).toBeLessThan(0.04);
    for (const host of [0, 1]) {
      expect(Math.abs(other.hosts[host]!.cpuNs / one.hosts[host]!.cpuNs - 1)).toBeLessThan(0.04);
    }
    expect(ratio(({ meanNs }) => meanNs)).toBeGreaterThan(0.8);
    expect(ratio(({ meanNs }) => meanNs)).toBeLessThan(1.25);
    expect(ratio(({ p99Ns }) => p99Ns)).toBeGreaterThan(0.7);
    expect(ratio(({ p99Ns }) => p99Ns)).toBeLessThan(1.4);
  });

  it.each([
    [1, 400, 20],
    [2, 700, 20],
    // Below what the CPU bears a short queue drops some, and nobody waits for more than it holds.
    [1, 190, 20],
    [4, 600, 1],
  ])(
    'agree on %i CPUs under %i requests a second how long a queue of %i takes',
    async (cpus, rate, queue) => {
      const load = `{ kind: constant, rate: ${rate} }\n    queue: ${queue}`;
      const [{ shop: events }, { shop: fluid }] = await Promise.all([
        shopOf('events', cpus, load, 'exponential'),
        shopOf('fluid', cpus, load, 'exponential'),
      ]);
      expect(fluid.meanNs / events.meanNs).toBeGreaterThan(0.7);
      expect(fluid.meanNs / events.meanNs).toBeLessThan(1.4);
    },
  );

  it('agree about a calm guest on a host that others keep busy', async () => {
    const calmOf = async (fidelity: string): Promise<ApplicationReport> => {
      const { config } = fleetOf(`fidelity: ${fidelity}\n${BUSY}`);
      return (await runFleet(config)).applications.find(({ name }) => name === 'calm')!;
    };
    const [events, fluid] = await Promise.all([calmOf('events'), calmOf('fluid')]);
    // With half of the CPU it takes 14 ms; the others leave it nothing but what it uses, which would make it seconds.
    for (const { meanNs } of [events, fluid])
      expect(Math.abs(meanNs / 14.3e6 - 1)).toBeLessThan(0.15);
  });

  it.each(['events', 'fluid'])(
    'lose none: as %s, what came was served, dropped or waits',
    async (fidelity) => {
      const load = '{ kind: constant, rate: 400 }';
      const text = FILE.replaceAll('CPUS', '1')
        .replace('LOAD', load)
        .replaceAll('SERVICE', 'exponential');
      const { config } = fleetOf(`fidelity: ${fidelity}\n${text}`);
      const { applications } = await runFleet(config);
      const { offered, served, dropped, queued } = applications[0]!;
      expect(dropped).toBeGreaterThan(100);
      expect((served + dropped + queued) / offered).toBeCloseTo(1, 12);
      expect(served / 120).toBeGreaterThan(190);
      expect(served / 120).toBeLessThan(201);
    },
  );
});
