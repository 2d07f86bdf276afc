import { describe, expect, it } from 'vitest';
import type { Metric } from '../../src/lab/bench/outcome.ts';
import { placementBench } from '../../src/lab/bench/placement.ts';
import { fleetView } from '../../src/lab/placement/fleet-view.ts';
import { growthExponent } from '../../src/lab/placement/growth.ts';

const LOADS = {
  vmsPerHost: 3,
  hot: { mean: 0.85, spread: 0.05 },
  other: { mean: 0.45, spread: 0.05 },
  vmSpread: 0.5,
};

describe('a fleet for plans', () => {
  it('has as many hosts above the threshold as it should, whose guests use what they do', () => {
    const { hosts, hotspot } = fleetView(10, 4, LOADS, 7);
    expect(hosts.map(({ readings }) => readings.cpu.last > hotspot.threshold)).toEqual([
      ...Array.from({ length: 4 }, () => true),
      ...Array.from({ length: 6 }, () => false),
    ]);
    for (const { readings, vms } of hosts) {
      const sum = vms.reduce((all, vm) => all + vm.readings.cpu.last, 0);
      expect(sum).toBeCloseTo(readings.cpu.last, 5);
      expect(readings.cpu.length).toBe(200);
    }
    expect(new Set(hosts.flatMap(({ vms }) => vms.map(({ name }) => name))).size).toBe(30);
  });
});

describe('a growth', () => {
  it('is the power that fits best', () => {
    expect(growthExponent([1, 2, 4, 10].map((x) => [x, 3 * x * x]))).toBeCloseTo(2, 9);
    // Two doublings with a power of 1 and of 3.
    expect(
      growthExponent([
        [1, 1],
        [2, 2],
        [4, 16],
      ]),
    ).toBeCloseTo(2, 9);
  });
});

describe('the bench of placement', () => {
  const run = async (given: Readonly<Record<string, string>>) => {
    const metrics: Metric[] = [];
    const defaults = placementBench.options.map((one) => [one.flag, one.default] as const);
    const options = { ...Object.fromEntries(defaults), iterations: '2', ...given };
    let ns = 0;
    const clock = { now: () => (ns += 1e6) };
    const findings = await placementBench.run({
      options,
      clock,
      progress: () => undefined,
      metrics,
    });
    return { ...findings, metrics };
  };

  it.each(['sandpiper-black', 'sandpiper-gray'])('times decisions of %s', async (policy) => {
    const { metrics, notes } = await run({ vms: '30,60', policy });
    const of = (vms: number, name: string) =>
      metrics.find((one) => one.of === `${vms} VMs` && one.name === name)!.samples;
    // Its clock moves on by 1 ms each time that it is read.
    expect([of(30, 'decision'), of(60, 'decision')]).toEqual([
      [1, 1],
      [1, 1],
    ]);
    expect([of(30, 'hotspots'), of(60, 'hotspots')]).toEqual([[4], [8]]);
    expect(of(60, 'moves')[0]! + of(60, 'swaps')[0]!).toBeGreaterThanOrEqual(8);
    expect(notes).toEqual([
      'the shortest decisions grow as the number of VMs to the power of 0.00',
    ]);
  });

  it('knows no other policies', async () => {
    await expect(run({ policy: 'drs' })).rejects.toThrow(
      '--policy: expected sandpiper-black or sandpiper-gray, got "drs"',
    );
  });
});
