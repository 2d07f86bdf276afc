import { isHot } from '../monitor/hotspot.ts';
import type { FleetView, Hotspot, HostView, Move, VmView } from './policy.ts';

/** A host whose load changes as a policy plans moves. */
export interface LoadedHost {
  readonly view: HostView;
  /** The share of its CPUs in use. */
  cpu: number;
  freeBytes: number;
  readonly vms: Set<VmView>;
}

/** Returns the hosts of a fleet that take VMs, with their loads by the last readings. */
export function loadedHosts({ hosts }: FleetView): LoadedHost[] {
  return hosts
    .filter(({ isScratch }) => !isScratch)
    .map((view) => ({
      view,
      cpu: view.readings.cpu.last,
      freeBytes: view.freeBytes,
      vms: new Set(view.vms),
    }));
}

/** Returns the hosts whose CPUs or network cards are hotspots. */
export function hotspotsOf({ hosts, hotspot }: FleetView): Hotspot[] {
  return hosts.flatMap((host) =>
    (['cpu', 'net'] as const)
      .filter((resource) => isHot(host.readings[resource], hotspot))
      .map((resource) => ({ host: host.name, resource })),
  );
}

/** The CPUs that a VM uses. */
export const cpusOf = ({ readings }: VmView): number => readings.cpu.last;

/** Moves a VM from one host to another in the books, and returns the move. */
export function book(vm: VmView, from: LoadedHost, to: LoadedHost): Move {
  from.vms.delete(vm);
  to.vms.add(vm);
  from.cpu -= cpusOf(vm) / from.view.cpus;
  to.cpu += cpusOf(vm) / to.view.cpus;
  from.freeBytes += vm.memoryBytes;
  to.freeBytes -= vm.memoryBytes;
  return { vm: vm.name, to: to.view.name };
}

/** Whether a host has the memory for a VM, and its CPUs stay below a share. */
export const hasRoom = (host: LoadedHost, vm: VmView, mostCpu: number): boolean =>
  host.freeBytes >= vm.memoryBytes && host.cpu + cpusOf(vm) / host.view.cpus <= mostCpu;
