import type { Clock } from '../../clock/clock.ts';
import type { FleetConfig } from './config.ts';
import { Fleet } from './fleet.ts';
import { policyOf } from './own-policy.ts';
import type { FleetMigration } from './page-migrations.ts';
import type { FleetPolicy } from './policies/policy.ts';
import type { FleetVm } from './vm.ts';
import type { FleetProgress, FleetReport, MigrationReport } from './report.ts';

export interface FleetOptions {
  /** Aborting it ends the fleet: migrations under way are cancelled. */
  readonly signal?: AbortSignal;
  /** Aborting it gives up the proofs to come. */
  readonly proofSignal?: AbortSignal;
  /** Called at the end of each interval. */
  readonly onProgress?: (progress: FleetProgress) => void;
  /** Takes the place of the policy that the configuration names. */
  readonly policy?: FleetPolicy;
  /** A real clock, by which the report says how long the emulation itself took. */
  readonly clock?: Clock;
}

/**
 * Lets a fleet live on a virtual clock. The same configuration gives the same report, to the bit, on any machine. Throws
 * OwnKindError when its policy can't be made, and ContentsError when an image can't be used. A policy of the user's own
 * that throws, or decides what can't be, ends the fleet, whose outcome is `failed`.
 */
export async function runFleet(
  config: FleetConfig,
  options: FleetOptions = {},
): Promise<FleetReport> {
  const { signal, proofSignal, onProgress, clock } = options;
  const beganNs = clock?.now() ?? 0;
  const isOwnPolicy = options.policy !== undefined || typeof config.policy.kind !== 'string';
  const fleet = new Fleet(config, options.policy ?? policyOf(config), {
    isOwnPolicy,
    signal,
    proofSignal,
    ...(onProgress ? { onInterval: (of) => onProgress(progressOf(of)) } : {}),
  });
  await fleet.play();
  return {
    ...outcomeOf(fleet, signal),
    ...reportOf(fleet),
    ...(clock
      ? {
          wall: {
            ns: clock.now() - beganNs,
            events: fleet.events,
            vmSteps: fleet.steps * fleet.vms.length,
          },
        }
      : {}),
  };
}

function outcomeOf(
  { failure }: Fleet,
  signal: AbortSignal | undefined,
): Pick<FleetReport, 'outcome' | 'failure'> {
  if (failure !== undefined) return { outcome: 'failed', failure };
  return { outcome: signal?.aborted ? 'cancelled' : 'completed' };
}

function reportOf(fleet: Fleet): Omit<FleetReport, 'outcome' | 'failure' | 'wall'> {
  const { recorder, migrations } = fleet;
  return {
    endedNs: fleet.nowNs,
    policy: fleet.policy.name,
    hosts: fleet.hosts.map((host) => ({
      name: host.name,
      energyJoules: host.energyJoules,
      cpuNs: host.usedCpuNs,
      dom0CpuNs: host.dom0CpuNs,
      monitoringCpuNs: host.monitoringCpuNs,
      migrationCpuNs: host.workerCpuNs,
      vms: Array.from(host.vms, ({ name }) => name),
      series: recorder.hosts.get(host)!,
    })),
    vms: fleet.vms.map((vm) => {
      const series = recorder.vms.get(vm);
      return {
        name: vm.name,
        host: vm.host.name,
        cpus: vm.cpus,
        memoryBytes: vm.memoryBytes,
        cpuNs: vm.cpuNs,
        stoppedNs: vm.stoppedNs,
        migrations: vm.migrations,
        swapWrittenBytes: vm.swapWrittenBytes,
        ...workingSetOf(fleet, vm),
        ...(series
          ? { cpuSeries: series.cpu, hostSeries: series.host, memorySeries: series.memory }
          : {}),
      };
    }),
    applications: fleet.applications.map((one) => recorder.reportOf(one)),
    decisions: fleet.decisions,
    migrations: migrations.all.flatMap((one) => migrationReport(one)),
    refusedMoves: fleet.executor.refused,
    links: linksOf(fleet),
    reportedBytes: fleet.monitor.reportedBytes,
  };
}

function workingSetOf({ monitor }: Fleet, vm: FleetVm): { workingSetBytes?: number } {
  const { workingSet } = monitor.vms.get(vm)!;
  return workingSet && workingSet.length > 0 ? { workingSetBytes: workingSet.last } : {};
}

function migrationReport(one: FleetMigration): MigrationReport[] {
  const { vm, from, to, askedNs, begun, endNs, isMoved, sentBytes, report } = one;
  if (begun === undefined || endNs === undefined) return [];
  const ends = { vm: vm.name, from: from.name, to: to.name };
  return [
    { ...ends, ...begun, askedNs, endNs, isMoved, sentBytes, ...(report ? { run: report } : {}) },
  ];
}

function linksOf({
  topology,
  migrations,
  applicationBytes,
  monitoringBytes,
}: Fleet): FleetReport['links'] {
  const bytes = new Float64Array(topology.links.length);
  for (const { from, to, sentBytes } of migrations.all) {
    for (const link of topology.route(from.name, to.name)) bytes[link]! += sentBytes;
  }
  return topology.links.map((link, index) => ({
    ...link,
    migrationBytes: bytes[index]!,
    applicationBytes: applicationBytes[index]!,
    monitoringBytes: monitoringBytes[index]!,
  }));
}

function progressOf(fleet: Fleet): FleetProgress {
  const { config, monitor, migrations, applications } = fleet;
  return {
    nowNs: fleet.nowNs,
    durationNs: config.durationNs,
    threshold: config.hotspot.threshold,
    hosts: fleet.hosts.map((host) => ({
      name: host.name,
      rack: `${host.spec.cluster}/${host.spec.rack}`,
      cpu: monitor.hosts.get(host)!.cpu.last,
      vms: host.vms.size,
    })),
    migrating: Array.from(migrations.progress(), ({ of, pagesLeft }) => ({
      vm: of.vm.name,
      from: of.from.name,
      to: of.to.name,
      pagesLeft,
    })),
    migrations: migrations.all.length,
    violationNs: applications.reduce((sum, { stats }) => sum + stats.violationNs, 0),
  };
}
