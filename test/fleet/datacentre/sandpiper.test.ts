import { describe, expect, it } from 'vitest';
import { isHot, predictNext, trend } from '../../../src/fleet/datacentre/monitor/hotspot.ts';
import { Series } from '../../../src/fleet/datacentre/monitor/series.ts';
import type { FleetView, HostView, VmView } from '../../../src/fleet/datacentre/policies/policy.ts';
import { Sandpiper } from '../../../src/fleet/datacentre/policies/sandpiper.ts';
import { PlannedHost } from '../../../src/fleet/datacentre/sandpiper/ledger.ts';
import { needsFromInside } from '../../../src/fleet/datacentre/sandpiper/needs.ts';
import { planMitigation } from '../../../src/fleet/datacentre/sandpiper/plan.ts';
import { blackMemory, volumeOf } from '../../../src/fleet/datacentre/sandpiper/volume.ts';

const HOTSPOT = { threshold: 0.75, k: 3, n: 5, predictionWindow: 5 };

function seriesOf(values: readonly number[]): Series {
  const series = new Series(200);
  for (const value of values) series.push(value);
  return series;
}

describe('a hotspot', () => {
  it.each<[string, readonly number[], boolean]>([
    ['needs 3 of the last 5 readings above the threshold', [0.8, 0.2, 0.8, 0.2, 0.2], false],
    ['has them', [0.7, 0.8, 0.8, 0.8, 0.8], true],
    ['is not one that is over by the prediction', [0.9, 0.9, 0.9, 0.2, 0.1], false],
    ['is not one of a single peak', [0.3, 0.3, 0.3, 0.3, 0.99], false],
  ])('%s', (_, values, expected) => {
    expect(isHot(seriesOf(values), HOTSPOT)).toBe(expected);
  });

  it('does not come from readings of before the last change', () => {
    const series = seriesOf([0.9, 0.9, 0.9, 0.9, 0.9]);
    series.renew();
    for (const value of [0.9, 0.9]) series.push(value);
    expect(isHot(series, HOTSPOT)).toBe(false);
    series.push(0.9);
    expect(isHot(series, HOTSPOT)).toBe(true);
  });
});

describe('a prediction', () => {
  it('is μ + φ(u − μ), with the autocorrelation as φ', () => {
    // Mean 3, deviations -2 -1 0 1 2: φ = (2 + 0 + 0 + 2) ÷ 10.
    expect(predictNext([1, 2, 3, 4, 5])).toBeCloseTo(3 + 0.4 * 2, 12);
    expect(predictNext([0.5, 0.5, 0.5])).toBe(0.5);
    expect(predictNext([1, 0, 1, 0])).toBe(0.5);
  });

  it('prefers a flat host to one whose load rises from below (figure 11a)', () => {
    const rising = Array.from({ length: 12 }, (_, i) => 0.13 + (0.125 * i) / 11);
    expect(trend(rising)).toBeGreaterThan(0.305);
    expect(trend(Array.from({ length: 12 }, () => 0.305))).toBeCloseTo(0.305, 9);
    expect(trend(rising.toReversed())).toBe(0.13);
  });
});

describe('a volume', () => {
  it('is the product of the inverse free shares, and never infinite', () => {
    expect(volumeOf(0.5, 0.5, 0.5)).toBe(8);
    expect(volumeOf(1, 0, 0)).toBeCloseTo(100, 9);
    expect(volumeOf(1.5, 0, 0)).toBeCloseTo(100, 9);
  });

  it.each([
    ['half of it, when nobody knows', 0, undefined, 0.5],
    ['the working set, where it is sampled', 0, 0.3, 0.3],
    ['all of it while it is swapped', 1, 0.3, 0.99],
  ])('has of memory %s', (_, swap, workingSet, expected) => {
    expect(blackMemory(swap, workingSet)).toBe(expected);
  });
});

const MIB = 2 ** 20;

interface Written {
  readonly free: number;
  readonly vms: readonly (readonly [name: string, cpus: number, memoryMib: number])[];
}

/** Returns hosts with one CPU, of which guests use shares, in the order of the keys. */
function hostsOf(written: Readonly<Record<string, Written>>): PlannedHost[] {
  return Object.entries(written).map(([name, { free, vms }]) => {
    const cpus = vms.reduce((sum, one) => sum + one[1], 0);
    const view = { name, cpus: 1, freeBytes: free * MIB, nicBytesPerSecond: 1e9 } as HostView;
    const host = new PlannedHost(view, {
      cpus,
      netBytesPerSecond: 0,
      memoryUse: 0.5,
      freeBytes: view.freeBytes,
      shortBytes: 0,
      isTroubled: false,
    });
    for (const [vm, used, memoryMib] of vms) {
      const needs = { cpus: used, netBytesPerSecond: 0, memoryBytes: memoryMib * MIB };
      const vsr = volumeOf(used, 0, 0.5) / needs.memoryBytes;
      host.vms.add({ view: { name: vm }, use: needs, needs, vsr });
    }
    return host;
  });
}

function planOf(written: Readonly<Record<string, Written>>, scratchMib?: number) {
  const hosts = hostsOf(written);
  const scratch =
    scratchMib === undefined ? undefined : hostsOf({ scratch: { free: scratchMib, vms: [] } })[0];
  const plan = planMitigation(hosts, (host) => !host.isCool(0.75), scratch, 0.75);
  const moves = plan.chains.map((chain) => chain.map(({ vm, to }) => `${vm} to ${to}`));
  return { ...plan, moves };
}

describe('a plan', () => {
  it('moves the guest with most volume for its memory to the least busy host', () => {
    const hosts = {
      a: {
        free: 0,
        vms: [
          ['big', 0.5, 512],
          ['small', 0.4, 128],
        ],
      },
      b: { free: 1024, vms: [['other', 0.2, 128]] },
      c: { free: 1024, vms: [['another', 0.1, 128]] },
    } as const;
    expect(planOf(hosts)).toMatchObject({ moves: [['small to c']], swaps: 0, isPartial: false });
  });

  it('takes the next guest when the first one fits nowhere', () => {
    const hosts = {
      a: {
        free: 0,
        vms: [
          ['first', 0.6, 128],
          ['second', 0.25, 128],
        ],
      },
      b: { free: 1024, vms: [['other', 0.4, 128]] },
    } as const;
    expect(planOf(hosts).moves).toEqual([['second to b']]);
  });

  it('swaps through the scratch host where no move helps', () => {
    const hosts = {
      a: {
        free: 0,
        vms: [
          ['hot', 0.6, 256],
          ['warm', 0.3, 256],
        ],
      },
      b: {
        free: 0,
        vms: [
          ['cool', 0.4, 256],
          ['mild', 0.3, 256],
        ],
      },
    } as const;
    // Only the exchange of a guest for a smaller load keeps both hosts below 0.75, and no memory is free for it.
    const some = planOf(
      {
        ...hosts,
        a: {
          free: 0,
          vms: [
            ['hot', 0.45, 256],
            ['warm', 0.35, 256],
          ],
        },
        b: {
          free: 0,
          vms: [
            ['cool', 0.2, 256],
            ['mild', 0.3, 256],
          ],
        },
      },
      512,
    );
    expect(some).toMatchObject({ swaps: 1, isPartial: false });
    expect(some.moves).toEqual([['cool to scratch', 'hot to b', 'cool to a']]);
    expect(planOf(hosts)).toMatchObject({ moves: [], isPartial: true });
  });

  it('gives up what it can not resolve, and resolves the rest', () => {
    const hosts = {
      a: { free: 0, vms: [['x', 0.9, 128]] },
      b: {
        free: 0,
        vms: [
          ['y', 0.5, 128],
          ['z', 0.4, 128],
        ],
      },
      c: { free: 1024, vms: [['w', 0.3, 128]] },
    } as const;
    const plan = planOf(hosts);
    expect(plan.moves).toEqual([['z to c']]);
    expect(plan.isPartial).toBe(true);
  });
});

describe('a swap for memory or for the network', () => {
  interface Guest {
    readonly cpus: number;
    readonly net: number;
    readonly mib: number;
    readonly moreMib?: number;
  }

  /** Returns hosts with one CPU and a network card of 1 byte a second, each with its free memory and guests. */
  const exchange = (
    written: Readonly<Record<string, [freeMib: number, Record<string, Guest>]>>,
  ) => {
    const hosts = Object.entries(written).map(([name, [freeMib, guests]]) => {
      const all = Object.entries(guests);
      const sum = (of: (guest: Guest) => number) =>
        all.reduce((total, [, guest]) => total + of(guest), 0);
      const view = { name, cpus: 1, nicBytesPerSecond: 1, isScratch: false };
      const host = new PlannedHost(view, {
        cpus: sum(({ cpus }) => cpus),
        netBytesPerSecond: sum(({ net }) => net),
        memoryUse: 0.5,
        freeBytes: freeMib * MIB,
        shortBytes: sum(({ moreMib = 0 }) => moreMib) * MIB,
        isTroubled: false,
      });
      for (const [vm, { cpus, net, mib, moreMib = 0 }] of all) {
        const use = { cpus, netBytesPerSecond: net, memoryBytes: mib * MIB };
        const needs = { ...use, memoryBytes: (mib + moreMib) * MIB };
        host.vms.add({ view: { name: vm }, use, needs, vsr: volumeOf(cpus, net, 0.5) / mib });
      }
      return host;
    });
    const scratch = hostsOf({ scratch: { free: 1024, vms: [] } })[0];
    const plan = planMitigation(hosts, (host) => !host.isCool(0.75), scratch, 0.75);
    return { ...plan, moves: plan.chains.map((all) => all.map(({ vm, to }) => `${vm} to ${to}`)) };
  };
  const sender = { cpus: 0.1, net: 0.4, mib: 256 };
  const worker = { cpus: 0.3, net: 0.01, mib: 256 };

  it('takes a guest that computes in for one that sends, although it computes more', () => {
    const plan = exchange({
      a: [100, { s1: sender, s2: sender }],
      b: [100, { w1: worker, w2: worker }],
    });
    expect(plan).toMatchObject({ swaps: 1, isPartial: false });
    expect(plan.moves).toEqual([['w2 to scratch', 's1 to b', 'w2 to a']]);
  });

  it('exchanges a single guest where those of least load do not make room on the network card', () => {
    const short = { ...sender, mib: 384, moreMib: 32 };
    const plan = exchange({
      a: [20, { s1: short, w1: worker }],
      b: [220, { s2: sender, w2: worker }],
    });
    expect(plan).toMatchObject({ swaps: 1, isPartial: false });
    expect(plan.moves).toEqual([['s2 to scratch', 's1 to b', 's2 to a']]);
  });

  it('is none that leaves a guest without the memory that it needs', () => {
    const short = { ...worker, mib: 384, moreMib: 32 };
    const plan = exchange({
      a: [20, { w1: short, w2: worker }],
      b: [20, { w3: worker, w4: worker }],
    });
    expect(plan).toMatchObject({ moves: [], swaps: 0, isPartial: true });
  });
});

describe('a decision', () => {
  /** Returns a hot host and a cool one, each with a guest of 128 MiB; that of the cool one swaps. */
  function viewOf(coolFreeMib: number): FleetView {
    const hosts = [0.8, 0.1].map((cpu, index): HostView => {
      const swap = seriesOf([index]);
      const net = seriesOf([0]);
      const vms: VmView[] = [];
      const host: HostView = {
        name: `host-${index}`,
        cpus: 1,
        memoryBytes: 512 * MIB,
        freeBytes: index * coolFreeMib * MIB,
        nicBytesPerSecond: 1e9,
        isScratch: false,
        readings: { cpu: seriesOf([cpu, cpu, cpu]), net, swap },
        vms,
      };
      const readings = { cpu: seriesOf([cpu / 2]), net, swap };
      vms.push({ name: `vm-${index}`, host, vcpus: 1, cpus: 1, memoryBytes: 128 * MIB, readings });
      return host;
    });
    return { nowNs: 0, hosts, hotspot: HOTSPOT, intervalNs: 10e9 };
  }

  it('plans with the memory that is left when guests have grown', () => {
    const [memoryStepBytes, leastFreeBytes] = [32 * MIB, 32 * MIB];
    const options = { percentile: 0.95, delta: 0, trendNs: 120e9, memoryStepBytes, leastFreeBytes };
    const black = new Sandpiper(false, options);
    const resizes = [{ vm: 'vm-1', memoryBytes: 160 * MIB }];
    const moves = [[{ vm: 'vm-0', to: 'host-1' }]];
    expect(black.decide(viewOf(160))).toMatchObject({ resizes, chains: moves, isPartial: false });
    expect(black.decide(viewOf(159))).toMatchObject({ resizes, chains: [], isPartial: true });
  });
});

describe('needs from inside', () => {
  const series = (value: number): Series => seriesOf([value]);
  const vmWith = (inside: Partial<NonNullable<VmView['readings']['inside']>>): VmView =>
    ({
      vcpus: 4,
      memoryBytes: MIB,
      host: { nicBytesPerSecond: 1e6 },
      readings: {
        cpu: series(0),
        net: series(1e5),
        swap: series(0),
        inside: {
          arrivals: series(80),
          drops: series(0),
          serviceS: 0.02,
          serviceVariance: 0.0004,
          ...inside,
        },
      },
    }) as unknown as VmView;

  it('are λ_peak ÷ λ_cap CPUs, and the network that the requests of the peak need', () => {
    // λ_cap is [0.02 + 0.0004 ÷ 0.16]⁻¹ = 44.4 for even arrivals and a promise of 100 ms.
    const needs = needsFromInside(vmWith({ limitS: 0.1 }), { percentile: 0.95, delta: 0.1 });
    expect(needs!.cpus).toBeCloseTo(80 * 0.0225, 9);
    expect(needs!.netBytesPerSecond).toBeCloseTo(1e5, 0);
  });

  it('are in proportion to the load, however low it is', () => {
    const options = { percentile: 0.95, delta: 0.1 };
    const at = (perSecond: number): number =>
      needsFromInside(
        vmWith({ limitS: 0.1, isPoisson: true, arrivals: series(perSecond) }),
        options,
      )!.cpus;
    expect(at(80) / at(8)).toBeCloseTo(10, 6);
    expect(at(80)).toBeGreaterThan(80 * 0.0225);
    expect(at(80)).toBeLessThan(80 * 0.03);
  });
});
