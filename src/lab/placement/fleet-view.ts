import type { InsideReadings, VmReadings } from '../../fleet/datacentre/monitor/monitor.ts';
import { Series } from '../../fleet/datacentre/monitor/series.ts';
import type { FleetView, HostView, VmView } from '../../fleet/datacentre/policies/policy.ts';
import { unit } from '../../fleet/datacentre/applications/distribution.ts';
import { Generator } from '../../random/generator.ts';
import { drawLoads, type LoadSpec } from './random-loads.ts';

/** The monitors of Wood et al. keep so many readings of everything, and take one every 10 s. */
const WINDOW = 200;
const INTERVAL_NS = 10e9;

const MIB = 2 ** 20;
const VM_BYTES = 256 * MIB;
/** The CPU time of a request. */
const SERVICE_S = 0.0029;
/** Readings vary by so much of their mean. */
const NOISE = 0.02;

/**
 * Returns a fleet as policies see it: hosts of one CPU whose monitors are full of readings, of which a share is too
 * busy. The same seed gives the same fleet.
 */
export function fleetView(
  hosts: number,
  hotHosts: number,
  spec: LoadSpec,
  seed: number,
): FleetView {
  const random = new Generator(seed, hosts);
  return {
    nowNs: WINDOW * INTERVAL_NS,
    intervalNs: INTERVAL_NS,
    hotspot: { threshold: 0.75, k: 3, n: 5, predictionWindow: 5 },
    hosts: Array.from({ length: hosts }, (_, index) =>
      hostView(index, drawLoads(index < hotHosts, spec, random), random),
    ),
  };
}

function hostView(index: number, loads: readonly number[], random: Generator): HostView {
  const used = loads.length * VM_BYTES;
  const vms: VmView[] = [];
  const cpu = series();
  const idle = series();
  const host: HostView = {
    name: `host-${index}`,
    cpus: 1,
    memoryBytes: 2 * used,
    freeBytes: used,
    nicBytesPerSecond: 125e6,
    isScratch: false,
    readings: { cpu, net: idle, swap: idle },
    vms,
  };
  const all = loads.map(() => readingsOf());
  for (let reading = 0; reading < WINDOW; reading++) {
    let sum = 0;
    for (const [number, load] of loads.entries()) {
      const cpus = load * (1 + NOISE * (2 * unit(random) - 1));
      sum += cpus;
      take(all[number]!, cpus);
    }
    cpu.push(sum);
    idle.push(0);
  }
  for (const [number, readings] of all.entries()) {
    vms.push({
      name: `vm-${index}-${number}`,
      host,
      vcpus: 1,
      cpus: 1,
      memoryBytes: VM_BYTES,
      readings,
    });
  }
  return host;
}

type Readings = VmReadings & { readonly inside: InsideReadings };

const series = (): Series => new Series(WINDOW);

function readingsOf(): Readings {
  return {
    cpu: series(),
    net: series(),
    swap: series(),
    inside: {
      arrivals: series(),
      drops: series(),
      responseS: series(),
      usedBytes: series(),
      freeBytes: series(),
      serviceS: SERVICE_S,
      serviceVariance: 0,
      isPoisson: false,
    },
  };
}

function take({ cpu, net, swap, inside }: Readings, cpus: number): void {
  cpu.push(cpus);
  net.push(0);
  swap.push(0);
  inside.arrivals.push(cpus / SERVICE_S);
  inside.drops.push(0);
  inside.responseS.push(2 * SERVICE_S);
  inside.usedBytes.push(VM_BYTES / 2);
  inside.freeBytes.push(VM_BYTES / 2);
}
