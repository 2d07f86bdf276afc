import { describe, expect, it } from 'vitest';
import { Series } from '../../../src/fleet/datacentre/monitor/series.ts';
import {
  ConsolidationPolicy,
  DrsPolicy,
  WatcherPolicy,
} from '../../../src/fleet/datacentre/policies/operators.ts';
import type {
  FleetPolicy,
  FleetView,
  HostView,
  VmView,
} from '../../../src/fleet/datacentre/policies/policy.ts';

/** The CPUs that each guest of each host has used in the last intervals, or in each of them. */
type Loads = Readonly<Record<string, Readonly<Record<string, number | readonly number[]>>>>;

const READINGS = 10;

function seriesOf(values: number | readonly number[]): Series {
  const series = new Series(200);
  for (const value of typeof values === 'number' ? Array(READINGS).fill(values) : values) {
    series.push(value);
  }
  return series;
}

const idle = seriesOf(0);

/** Returns a fleet of hosts with two CPUs each, and room for three more guests unless `free` says for how many. */
function viewOf(loads: Loads, free: Readonly<Record<string, number>> = {}): FleetView {
  const hosts = Object.entries(loads).map(([name, guests]): HostView => {
    const series = Object.values(guests).map((cpus) => seriesOf(cpus));
    const shares = Array.from(
      { length: READINGS },
      (_, i) => series.reduce((sum, one) => sum + one.at(READINGS - 1 - i), 0) / 2,
    );
    const vms: VmView[] = [];
    const host: HostView = {
      name,
      cpus: 2,
      memoryBytes: 8,
      freeBytes: free[name] ?? 3,
      nicBytesPerSecond: 1e9,
      isScratch: false,
      readings: { cpu: seriesOf(shares), net: idle, swap: idle },
      vms,
    };
    for (const [index, vm] of Object.keys(guests).entries()) {
      const readings = { cpu: series[index]!, net: idle, swap: idle };
      vms.push({ name: vm, host, vcpus: 2, cpus: 2, memoryBytes: 1, readings });
    }
    return host;
  });
  const hotspot = { threshold: 0.75, k: 3, n: 5, predictionWindow: 5 };
  return { nowNs: READINGS * 10e9, hosts, hotspot, intervalNs: 10e9 };
}

/** Returns the moves that a policy decides; undefined when it decides nothing. */
const movesOf = (policy: FleetPolicy, view: FleetView): string[] | undefined =>
  policy
    .decide(view)
    ?.chains!.flat()
    .map(({ vm, to }) => `${vm} to ${to}`);

describe("Watcher's workload_balance", () => {
  const watcher = new WatcherPolicy(0.75, 100e9);

  it('moves the guest that comes closest to the excess and not above it', () => {
    // The first host has 0.8 CPUs more than the average of 1.
    const view = viewOf({ a: { big: 0.9, middle: 0.7, small: 0.2 }, b: { x: 0.8 }, c: { y: 0.4 } });
    expect(movesOf(watcher, view)).toEqual(['middle to c']);
  });

  it('moves nothing when each guest is more than the excess, or no host has room below the threshold', () => {
    expect(movesOf(watcher, viewOf({ a: { big: 1.6 }, b: { x: 1.2 } }))).toEqual([]);
    const full = { a: { one: 0.5, other: 1.3 }, b: { x: 0.4, y: 0.6 } };
    expect(movesOf(watcher, viewOf(full))).toEqual([]);
  });

  it('moves a single guest, and off the busiest host', () => {
    const view = viewOf({
      a: { a1: 0.8, a2: 0.8 },
      b: { b1: 0.9, b2: 0.9 },
      c: {},
      d: {},
    });
    expect(movesOf(watcher, view)).toEqual(['b1 to c']);
  });

  it('goes by means over its period, and waits for the first one', () => {
    const burst = [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 1, 1, 1];
    expect(movesOf(watcher, viewOf({ a: { p: burst, q: burst }, b: {} }))).toBeUndefined();
    // The last reading of the second guest is small; its mean is what counts.
    const calm = [1, 1, 1, 1, 1, 1, 1, 1, 1, 0.1];
    const view = viewOf({ a: { p: 0.7, q: calm }, b: {} });
    expect(movesOf(watcher, view)).toEqual(['p to b']);
    expect(movesOf(watcher, { ...view, nowNs: 90e9 })).toBeUndefined();
  });
});

describe("DRS' rule", () => {
  it('makes the moves that lower the deviation most, until it is low enough', () => {
    const loads = { a: { p: 0.8, q: 0.6, r: 0.4 }, b: { x: 0.2 } };
    expect(movesOf(new DrsPolicy(0.2, 5), viewOf(loads))).toEqual(['p to b']);
    expect(movesOf(new DrsPolicy(0.01, 1), viewOf(loads))).toEqual(['p to b']);
    expect(movesOf(new DrsPolicy(0.5, 5), viewOf(loads))).toBeUndefined();
  });

  it('relieves another host when no move of the busiest one helps', () => {
    const loads = { a: { huge: 1.9 }, b: { p: 0.7, q: 0.7 }, c: { x: 0.2 } };
    expect(movesOf(new DrsPolicy(0.1, 1), viewOf(loads))).toEqual(['p to c']);
  });

  it('moves nothing to a host without the memory', () => {
    const loads = { a: { p: 0.8, q: 0.8 }, b: {}, c: { x: 0.3 } };
    expect(movesOf(new DrsPolicy(0.1, 1), viewOf(loads, { b: 0 }))).toEqual(['p to c']);
  });
});

describe('consolidation', () => {
  const consolidation = new ConsolidationPolicy(0.4, 0.7);

  it('empties the least busy host onto the busiest ones that stay below its limit', () => {
    const view = viewOf({ a: { p: 0.2, q: 0.3 }, b: { x: 1 }, c: { y: 0.8 }, d: {} });
    expect(movesOf(consolidation, view)).toEqual(['q to b', 'p to c']);
  });

  it('leaves it alone when a guest of it finds no room, or it is busy', () => {
    const loads = { a: { p: 0.2, q: 0.3 }, b: { x: 1.2 }, c: { y: 0.9 } };
    expect(movesOf(consolidation, viewOf(loads, { c: 1 }))).toBeUndefined();
    expect(movesOf(consolidation, viewOf({ a: { p: 0.9 }, b: { x: 0.9 } }))).toBeUndefined();
  });

  it('waits for five readings of a host before it empties it', () => {
    const view = viewOf({ a: { p: 0.2 }, b: { x: 0.8 } });
    view.hosts[0]!.readings.cpu.renew();
    expect(movesOf(consolidation, view)).toBeUndefined();
  });

  it('relieves a hot host of its busiest guest, and turns to an empty host last', () => {
    const loads = { a: { p: 0.7, q: 1 }, b: {}, c: { x: 0.2 } };
    expect(movesOf(consolidation, viewOf(loads))).toEqual(['q to c']);
    expect(movesOf(consolidation, viewOf(loads, { c: 0 }))).toEqual(['q to b']);
  });
});
