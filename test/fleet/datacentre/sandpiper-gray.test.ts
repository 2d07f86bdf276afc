import { describe, expect, it } from 'vitest';
import { Series } from '../../../src/fleet/datacentre/monitor/series.ts';
import type { FleetView, HostView, VmView } from '../../../src/fleet/datacentre/policies/policy.ts';
import { Sandpiper } from '../../../src/fleet/datacentre/policies/sandpiper.ts';

const MIB = 2 ** 20;
const HOTSPOT = { threshold: 0.75, k: 3, n: 5, predictionWindow: 5 };

function seriesOf(values: readonly number[]): Series {
  const series = new Series(200);
  for (const value of values) series.push(value);
  return series;
}

describe('a host that three guests share although they need 173 % of it', () => {
  const named = (
    name: string,
    cpus: number,
    perSecond: number,
    mib: number,
    host: HostView,
  ): VmView => {
    const none = seriesOf([0, 0, 0]);
    const inside = {
      arrivals: seriesOf([perSecond, perSecond, perSecond]),
      drops: none,
      responseS: none,
      usedBytes: new Series(3),
      freeBytes: new Series(3),
      serviceS: 0.0029,
      serviceVariance: 0,
      isPoisson: false,
    };
    const readings = { cpu: seriesOf([cpus, cpus, cpus]), net: none, swap: none, inside };
    return { name, host, vcpus: 1, cpus: 1, memoryBytes: mib * MIB, readings };
  };
  const view = (): FleetView => {
    const loads = [1, 0.07, 0];
    const hosts = loads.map((cpu, index): HostView & { vms: VmView[] } => ({
      name: `pm-${index + 1}`,
      cpus: 1,
      memoryBytes: 2048 * MIB,
      freeBytes: 1024 * MIB,
      nicBytesPerSecond: 1e9,
      isScratch: false,
      readings: { cpu: seriesOf([cpu, cpu, cpu]), net: seriesOf([0]), swap: seriesOf([0]) },
      vms: [],
    }));
    const [busy, calm] = hosts;
    busy!.vms.push(
      named('vm1', 0.335, 240, 512, busy!),
      named('vm2', 0.335, 240, 504, busy!),
      named('vm3', 0.33, 113, 496, busy!),
    );
    calm!.vms.push(named('vm4', 0.07, 24, 512, calm!));
    return { nowNs: 0, hosts, hotspot: HOTSPOT, intervalNs: 6e9 };
  };
  const decide = (isGray: boolean) => {
    const bytes = { memoryStepBytes: 32 * MIB, leastFreeBytes: 32 * MIB };
    const policy = new Sandpiper(isGray, {
      percentile: 0.95,
      delta: 0.1,
      trendNs: 120e9,
      ...bytes,
    });
    return policy
      .decide(view())!
      .chains!.flat()
      .map(({ vm, to }) => `${vm} to ${to}`);
  };

  it('loses the guest with least memory, seen from outside, and seems cool then', () => {
    expect(decide(false)).toEqual(['vm3 to pm-3']);
  });

  it('loses as many as it takes, seen from inside', () => {
    expect(decide(true)).toEqual(['vm2 to pm-3', 'vm3 to pm-2']);
  });
});
