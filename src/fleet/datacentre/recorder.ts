import type { Application } from './applications/application.ts';
import type { FleetConfig } from './config.ts';
import { type Monitor, shareOf } from './monitor/monitor.ts';
import type { ApplicationReport, HostSeries } from './report.ts';
import type { FleetVm, VmHost } from './vm.ts';

/** A larger fleet keeps no series of each VM. */
const MOST_VM_SERIES = 200;

interface VmSeries {
  readonly cpu: number[];
  readonly host: number[];
  readonly memory: number[];
}

/** Records what a fleet did in each interval. */
export class Recorder {
  readonly hosts: ReadonlyMap<VmHost, HostSeries>;
  /** It is empty for a large fleet. */
  readonly vms: ReadonlyMap<FleetVm, VmSeries>;
  readonly #applications: ReadonlyMap<Application, ApplicationReport['series']>;
  readonly #monitor: Monitor;
  readonly #intervalS: number;

  constructor(
    { monitor: { intervalNs } }: FleetConfig,
    monitor: Monitor,
    applications: readonly Application[],
  ) {
    this.#monitor = monitor;
    this.#intervalS = intervalNs / 1e9;
    this.hosts = new Map(
      Array.from(monitor.hosts.keys(), (host) => [host, { cpu: [], net: [], memory: [] }]),
    );
    const vms = monitor.vms.size > MOST_VM_SERIES ? [] : [...monitor.vms.keys()];
    this.vms = new Map(vms.map((vm) => [vm, { cpu: [], host: [], memory: [] }]));
    this.#applications = new Map(
      applications.map((one) => [one, { servedPerSecond: [], meanNs: [], p99Ns: [] }]),
    );
  }

  /** Records the interval that ends now, whose readings the monitor has just taken. */
  record(): void {
    for (const [host, series] of this.hosts) {
      const readings = this.#monitor.hosts.get(host)!;
      series.cpu.push(readings.cpu.last);
      series.net.push(readings.net.last);
      series.memory.push(1 - host.freeBytes / host.spec.memoryBytes);
    }
    for (const [vm, series] of this.vms) {
      series.cpu.push(shareOf(this.#monitor.vms.get(vm)!.cpu.last, vm.host.spec.cpus));
      series.host.push(vm.host.index);
      series.memory.push(vm.memoryBytes);
    }
    for (const [application, series] of this.#applications) {
      const { served, meanNs, p99Ns } = application.stats.takeInterval();
      series.servedPerSecond.push(served / this.#intervalS);
      series.meanNs.push(meanNs ?? null);
      series.p99Ns.push(p99Ns);
    }
  }

  /** Returns what an application has come to. */
  reportOf(application: Application): ApplicationReport {
    const { spec, stats, queued, travelling } = application;
    const { offered, served, dropped, droppedMigrating } = stats;
    const { violationNs, violationMigratingNs, responses, migratingResponses } = stats;
    const outside = responses.without(migratingResponses);
    return {
      name: spec.name,
      offered,
      served,
      dropped,
      droppedMigrating,
      queued: queued + travelling,
      meanNs: responses.meanNs,
      p50Ns: responses.percentile(0.5),
      p99Ns: responses.percentile(0.99),
      ...(migratingResponses.isEmpty
        ? {}
        : {
            p99MigratingNs: migratingResponses.percentile(0.99),
            p99OutsideNs: outside.percentile(0.99),
          }),
      violationNs,
      violationMigratingNs,
      cost: ((spec.sla?.costPerMinute ?? 0) * violationNs) / 60e9,
      series: this.#applications.get(application)!,
    };
  }
}
