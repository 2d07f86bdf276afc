import type { HostReadings, Monitor, VmReadings } from './monitor/monitor.ts';
import type { HostView, VmView } from './policies/policy.ts';
import type { FleetVm, VmHost } from './vm.ts';

/** Shows a fleet to policies: every host and VM has one view for all of its life, whose values are those of the moment. */
export class Views {
  readonly hosts: readonly HostView[];
  readonly #hosts = new Map<VmHost, HostView>();
  readonly #vms = new Map<FleetVm, VmView>();

  constructor(monitor: Monitor) {
    for (const [vm, readings] of monitor.vms) this.#vms.set(vm, this.#vmView(vm, readings));
    for (const [host, readings] of monitor.hosts) {
      this.#hosts.set(host, this.#hostView(host, readings));
    }
    this.hosts = [...this.#hosts.values()];
  }

  #hostView(host: VmHost, readings: HostReadings): HostView {
    const { name, spec } = host;
    const vms = this.#vms;
    return {
      name,
      cpus: spec.cpus,
      memoryBytes: spec.memoryBytes,
      get freeBytes() {
        return host.freeBytes;
      },
      nicBytesPerSecond: spec.nicBytesPerSecond,
      isScratch: spec.isScratch,
      readings,
      get vms() {
        return Array.from(host.vms, (vm) => vms.get(vm)!);
      },
    };
  }

  #vmView(vm: FleetVm, readings: VmReadings): VmView {
    const { name, vcpus } = vm;
    const hosts = this.#hosts;
    return {
      name,
      vcpus,
      get host() {
        return hosts.get(vm.host)!;
      },
      get cpus() {
        return vm.cpus;
      },
      get memoryBytes() {
        return vm.memoryBytes;
      },
      readings,
    };
  }
}
