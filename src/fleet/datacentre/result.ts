import { VIRTUAL_CLOCK_NAME } from '../../clock/virtual.ts';
import { buildResult } from '../../result/build.ts';
import { VERSION } from '../../result/version.ts';
import type { Scenario } from '../../scenario/schema.ts';
import { parseSize } from '../../units/size.ts';
import type { FleetVmSpec } from './config.ts';
import type { LoadedFleet } from './load.ts';
import type { FleetReport, MigrationReport } from './report.ts';
import { type FleetResult, fleetResultSchema } from './result-schema.ts';

type Host = FleetReport['hosts'][number];

/** Builds the result of a fleet (`pageferry/fleet@1`). Throws a ZodError when it does not match its own schema. */
export function buildFleetResult(
  { file, scenarios, config }: Pick<LoadedFleet, 'file' | 'scenarios' | 'config'>,
  report: FleetReport,
): FleetResult {
  const { threshold, k } = config.hotspot;
  const overloads = report.hosts.map((host) => overloadOf(host, threshold, k));
  const vms = new Map(config.vms.map((vm) => [vm.name, vm]));
  const migrations = report.migrations.map((one) => {
    const vm = vms.get(one.vm)!;
    return migrationOf(one, scenarioOf(one, vm, scenarios[vm.group]!));
  });
  const proofs = report.migrations.flatMap(({ run }) => run?.proof ?? []);
  const result: FleetResult = {
    schema: 'pageferry/fleet@1',
    version: VERSION,
    scenario: file,
    runtime: 'virtual',
    clock: VIRTUAL_CLOCK_NAME,
    outcome: report.outcome,
    ...(report.failure === undefined ? {} : { reason: report.failure }),
    policy: report.policy,
    durationMs: ms(report.endedNs),
    intervalMs: ms(config.monitor.intervalNs),
    totals: totalsOf(report, overloads, migrations),
    hosts: report.hosts.map((host, index) => hostOf(host, config.hosts[index]!, overloads[index]!)),
    guests: report.vms.map(({ cpuSeries, hostSeries, memorySeries, cpuNs, stoppedNs, ...vm }) => ({
      ...vm,
      ...(vm.workingSetBytes === undefined
        ? {}
        : { workingSetBytes: Math.round(vm.workingSetBytes) }),
      cpuMs: ms(cpuNs),
      stoppedMs: ms(stoppedNs),
      ...(cpuSeries ? { seriesCpu: cpuSeries.map(rounded) } : {}),
      ...(hostSeries ? { seriesHost: [...hostSeries] } : {}),
      ...(memorySeries ? { seriesMemoryBytes: [...memorySeries] } : {}),
    })),
    applications: report.applications.map((one) => applicationOf(one)),
    decisions: report.decisions.map(({ atNs, hotspots, moves, resizes, swaps, isPartial }) => ({
      atMs: ms(atNs),
      hotspots: hotspots.map(({ vm, ...spot }) => ({
        ...spot,
        ...(vm === undefined ? {} : { guest: vm }),
      })),
      moves: moves.map(({ vm, to, cpus }) => ({ guest: vm, to, ...cpusOf(cpus) })),
      resizes: resizes.map(({ vm, memoryBytes, cpus }) => ({
        guest: vm,
        ...(memoryBytes === undefined ? {} : { memoryBytes }),
        ...cpusOf(cpus),
      })),
      swaps,
      isPartial,
    })),
    migrations,
    links: report.links.map(({ bytesPerSecond, name, ...bytes }) => ({
      name,
      ...(bytesPerSecond < Infinity ? { bytesPerSecond } : {}),
      migrationBytes: bytes.migrationBytes,
      applicationBytes: Math.round(bytes.applicationBytes),
      monitoringBytes: Math.round(bytes.monitoringBytes),
    })),
    ...(proofs.length > 0 ? { ok: proofs.every(({ ok }) => ok) } : {}),
  };
  return fleetResultSchema.parse(result);
}

interface Overload {
  readonly overloadedIntervals: number;
  readonly sustainedIntervals: number;
}

/** Counts the intervals above the threshold, and those of them in runs of more than `k`. */
function overloadOf({ series: { cpu, net } }: Host, threshold: number, k: number): Overload {
  let overloadedIntervals = 0;
  let sustainedIntervals = 0;
  let inARow = 0;
  for (const [index, use] of cpu.entries()) {
    const isOver = use > threshold || net[index]! > threshold;
    if (isOver) {
      overloadedIntervals++;
      inARow++;
    }
    if (isOver && index < cpu.length - 1) continue;
    if (inARow > k) sustainedIntervals += inARow;
    inARow = 0;
  }
  return { overloadedIntervals, sustainedIntervals };
}

function totalsOf(
  report: FleetReport,
  overloads: readonly Overload[],
  migrations: FleetResult['migrations'],
): FleetResult['totals'] {
  const { applications, hosts, decisions } = report;
  return {
    migrations: migrations.length,
    moved: report.migrations.filter(({ isMoved }) => isMoved).length,
    swaps: sum(decisions, ({ swaps }) => swaps),
    refusedMoves: report.refusedMoves,
    overloadedIntervals: sum(overloads, (one) => one.overloadedIntervals),
    sustainedIntervals: sum(overloads, (one) => one.sustainedIntervals),
    downtimeMs: rounded(sum(migrations, ({ downtimeMs = 0 }) => downtimeMs)),
    migrationBytes: sum(migrations, ({ bytes }) => bytes),
    violationMs: ms(sum(applications, ({ violationNs }) => violationNs)),
    violationMigratingMs: ms(sum(applications, (one) => one.violationMigratingNs)),
    cost: rounded(sum(applications, ({ cost }) => cost)),
    dropped: rounded(sum(applications, ({ dropped }) => dropped)),
    energyWh: rounded(sum(hosts, ({ energyJoules }) => energyJoules) / 3600),
    monitoringBytes: report.reportedBytes,
    monitoringCpuMs: ms(sum(hosts, ({ monitoringCpuNs }) => monitoringCpuNs)),
  };
}

function hostOf(
  host: Host,
  { rack, cluster, cpus, memoryBytes }: LoadedFleet['config']['hosts'][number],
  overload: Overload,
): FleetResult['hosts'][number] {
  const { name, vms, series, dom0CpuNs, migrationCpuNs, energyJoules } = host;
  const { cpu, net, memory } = series;
  return {
    name,
    rack,
    cluster,
    ...(cpus < Infinity ? { cpus } : {}),
    memoryBytes,
    guests: vms.length,
    meanCpu: rounded(cpu.length > 0 ? sum(cpu, (use) => use) / cpu.length : 0),
    maxCpu: rounded(Math.max(0, ...cpu)),
    ...overload,
    dom0CpuMs: ms(dom0CpuNs),
    migrationCpuMs: ms(migrationCpuNs),
    energyWh: rounded(energyJoules / 3600),
    seriesCpu: cpu.map(rounded),
    seriesNet: net.map(rounded),
    seriesMemory: memory.map(rounded),
  };
}

function applicationOf(
  one: FleetReport['applications'][number],
): FleetResult['applications'][number] {
  const { name, queued, cost, series } = one;
  return {
    name,
    offered: rounded(one.offered),
    served: rounded(one.served),
    dropped: rounded(one.dropped),
    droppedMigrating: rounded(one.droppedMigrating),
    queued: rounded(queued),
    responseMs: {
      mean: ms(one.meanNs),
      p50: ms(one.p50Ns),
      p99: ms(one.p99Ns),
      ...(one.p99MigratingNs === undefined ? {} : { p99Migrating: ms(one.p99MigratingNs) }),
      ...(one.p99OutsideNs === undefined ? {} : { p99Outside: ms(one.p99OutsideNs) }),
    },
    violationMs: ms(one.violationNs),
    violationMigratingMs: ms(one.violationMigratingNs),
    cost: rounded(cost),
    series: {
      servedPerSecond: series.servedPerSecond.map(rounded),
      responseMs: series.meanNs.map((ns) => (ns === null ? null : ms(ns))),
      p99Ms: series.p99Ns.map(ms),
    },
  };
}

/** Returns the scenario of a migration: that of its VM's group, with what was its own. */
function scenarioOf(
  { bytesPerSecond, memoryBytes }: MigrationReport,
  { name, config: { seed } }: FleetVmSpec,
  { guest, link, ...scenario }: Scenario,
): Record<string, unknown> {
  const bandwidth = bytesPerSecond === Infinity ? 'unlimited' : `${bytesPerSecond}B/s`;
  return {
    ...scenario,
    name,
    seed,
    guest: parseSize(guest.memory) === memoryBytes ? guest : { ...guest, memory: memoryBytes },
    link: { ...link, bandwidth },
  };
}

function migrationOf(
  { vm, from, to, startNs, endNs, isMoved, sentBytes, run: report }: MigrationReport,
  scenario: Record<string, unknown>,
): FleetResult['migrations'][number] {
  const run = report && buildResult(scenario, report);
  return {
    guest: vm,
    from,
    to,
    startMs: ms(startNs),
    endMs: ms(endNs),
    outcome: run?.outcome ?? (isMoved ? 'completed' : 'cancelled'),
    ...(run?.downtimeMs === undefined ? {} : { downtimeMs: run.downtimeMs }),
    bytes: sentBytes,
    ...(run ? { run } : {}),
  };
}

const cpusOf = (cpus: number | undefined): { cpus?: number } =>
  cpus === undefined ? {} : { cpus: rounded(cpus) };

const ms = (ns: number): number => rounded(ns / 1e6);

/** Rounds to 6 decimals, as what lies beyond says nothing and makes files large. */
const rounded = (value: number): number => Math.round(value * 1e6) / 1e6;

const sum = <One>(all: readonly One[], valueOf: (one: One) => number): number =>
  all.reduce((total, one) => total + valueOf(one), 0);
