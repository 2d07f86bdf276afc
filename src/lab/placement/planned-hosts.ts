import { PlannedHost } from '../../fleet/datacentre/sandpiper/ledger.ts';
import { volumeOf } from '../../fleet/datacentre/sandpiper/volume.ts';
import type { Generator } from '../../random/generator.ts';
import { drawLoads, type LoadSpec } from './random-loads.ts';

/** Makes a host in a plan; a class of its own may count what is asked of it. */
export type MakeHost = (...parts: ConstructorParameters<typeof PlannedHost>) => PlannedHost;

const make: MakeHost = (...parts) => new PlannedHost(...parts);

/** Memory counts as half full, as it does for Sandpiper from outside, and every host has room for more VMs. */
const MEMORY_USE = 0.5;

/** Returns a host with one CPU and VMs that differ in the CPU time that they use alone. */
export function plannedHost(
  index: number,
  isHot: boolean,
  spec: LoadSpec,
  random: Generator,
  makeHost: MakeHost = make,
): PlannedHost {
  const loads = drawLoads(isHot, spec, random);
  const cpus = loads.reduce((sum, load) => sum + load, 0);
  const host = emptyHost(`host-${index}`, spec, cpus, makeHost);
  for (const [number, load] of loads.entries()) {
    const use = { cpus: load, netBytesPerSecond: 0, memoryBytes: 1 };
    const vsr = volumeOf(use.cpus, 0, MEMORY_USE);
    host.vms.add({ view: { name: `vm-${index}-${number}` }, use, needs: use, vsr });
  }
  return host;
}

export const emptyHost = (
  name: string,
  { vmsPerHost }: Pick<LoadSpec, 'vmsPerHost'>,
  cpus = 0,
  makeHost: MakeHost = make,
): PlannedHost =>
  makeHost(
    { name, cpus: 1, nicBytesPerSecond: Infinity, isScratch: false },
    {
      cpus,
      netBytesPerSecond: 0,
      memoryUse: MEMORY_USE,
      freeBytes: vmsPerHost,
      shortBytes: 0,
      isTroubled: false,
    },
  );
