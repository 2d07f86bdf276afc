import type { FleetResult } from '../fleet/datacentre/result-schema.ts';
import type { FleetWall } from '../fleet/datacentre/report.ts';
import { formatDuration } from '../units/duration.ts';
import { formatSize } from '../units/size.ts';
import { colours } from './colours.ts';
import { type Column, layOut, lineWidth } from './columns.ts';
import { condense, formatCount, formatMs, formatShare, sparkline } from './format.ts';

/** A table has at most so many rows; of what is left out, a line says how much. */
const MOST_ROWS = 20;
const SPARK_WIDTH = 32;
/** Shares are drawn against this, so that a full host has the highest bar. */
const FULL = 1;

/** What an emulation took of the machine. */
export interface FleetCost extends FleetWall {
  readonly cpuNs: number;
  /** The most memory that the program has had. */
  readonly memoryBytes: number;
}

/** Formats the summary that is printed after a fleet has lived; `cost` is what its emulation took. */
export function fleetSummary(result: FleetResult, cost?: FleetCost): string {
  const width = lineWidth(process.stdout);
  const lines = [
    headline(result),
    '',
    ...hostTable(result, width),
    ...section('applications', applicationTable(result, width)),
    ...section('migrations', migrationTable(result, width)),
    '',
    hotspotLine(result),
    ...resizeLines(result),
    migrationLine(result),
    violationLine(result),
    proofLine(result),
    ...(cost ? [costLine(cost)] : []),
  ];
  return `${lines.join('\n')}\n`;
}

const time = (ms: number): string => (ms === 0 ? '0 s' : formatDuration(ms * 1e6));

function headline({ scenario, outcome, durationMs, hosts, guests, policy }: FleetResult): string {
  const name = typeof scenario['name'] === 'string' ? scenario['name'] : 'fleet';
  const what = `${guests.length} guests on ${hosts.length} hosts, ${time(durationMs)}, policy ${policy}`;
  return `${colours.bold(name)}: ${what}${outcome === 'completed' ? '' : `, ${colours.red(outcome)}`}`;
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ['', colours.dim(title), ...lines];
}

/** Returns a table with a head; rows that are too many are left out. */
function table(
  columns: readonly Column[],
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  const [title = '', ...body] = layOut(columns, [head, ...rows.slice(0, MOST_ROWS)], width);
  const more = rows.length - MOST_ROWS;
  return [colours.dim(title), ...body, ...(more > 0 ? [`and ${more} more`] : [])];
}

function hostTable({ hosts }: FleetResult, width: number): string[] {
  const columns: Column[] = [
    { weight: Infinity },
    { weight: 4 },
    { weight: 9 },
    { weight: 8 },
    { weight: 5 },
    { weight: 2, align: 'left' },
  ];
  const head = ['host', 'guests', 'CPU', 'at most', 'overloaded', 'over time'];
  const rows = hosts
    .toSorted((a, b) =>
      hosts.length > MOST_ROWS ? b.overloadedIntervals - a.overloadedIntervals : 0,
    )
    .map((host) => [
      host.name,
      String(host.guests),
      formatShare(host.meanCpu),
      formatShare(host.maxCpu),
      host.overloadedIntervals === 0 ? '–' : String(host.overloadedIntervals),
      shareline(host.seriesCpu),
    ]);
  return table(columns, head, rows, width);
}

/** Draws shares over time against a full host. */
function shareline(series: readonly number[]): string {
  return sparkline([...condense(series, SPARK_WIDTH), FULL]).slice(0, -1);
}

function applicationTable({ applications }: FleetResult, width: number): string[] {
  if (applications.length === 0) return [];
  const columns = [Infinity, 6, 3, 9, 8, 7, 4].map((weight) => ({ weight }));
  const head = ['application', 'served', 'dropped', 'response', 'p99', 'violated', 'cost'];
  const rows = applications
    .toSorted((a, b) => (applications.length > MOST_ROWS ? b.violationMs - a.violationMs : 0))
    .map(({ name, served, dropped, responseMs, violationMs, cost }) => [
      name,
      formatCount(served),
      dropped < 0.5 ? '–' : formatCount(dropped),
      formatMs(responseMs.mean),
      formatMs(responseMs.p99),
      violationMs === 0 ? '–' : time(violationMs),
      cost === 0 ? '–' : cost.toFixed(1),
    ]);
  return table(columns, head, rows, width);
}

function migrationTable({ migrations }: FleetResult, width: number): string[] {
  if (migrations.length === 0) return [];
  const columns: Column[] = [
    { weight: Infinity },
    { weight: 9 },
    { weight: Infinity, align: 'left' },
    { weight: Infinity, align: 'left' },
    { weight: 6 },
    { weight: 8 },
    { weight: 5 },
    { weight: 7, align: 'left' },
  ];
  const head = ['guest', 'at', 'from', 'to', 'took', 'downtime', 'sent', ''];
  const rows = migrations.map((one) => [
    one.guest,
    `${(one.startMs / 1000).toFixed(0)} s`,
    one.from,
    one.to,
    formatMs(one.endMs - one.startMs),
    one.downtimeMs === undefined ? '–' : formatMs(one.downtimeMs),
    formatSize(one.bytes),
    one.outcome === 'completed' ? '' : one.outcome,
  ]);
  return table(columns, head, rows, width);
}

function hotspotLine({ decisions, totals }: FleetResult): string {
  const found = decisions.filter(({ hotspots }) => hotspots.length > 0).length;
  const partial = decisions.filter(({ isPartial }) => isPartial).length;
  const left = partial > 0 ? `, ${partial} without a complete plan` : '';
  const { overloadedIntervals, sustainedIntervals } = totals;
  return `hotspots: found ${found} times${left}; ${overloadedIntervals} intervals overloaded, ${sustainedIntervals} of them sustained`;
}

function resizeLines({ decisions }: FleetResult): string[] {
  const resizes = decisions.flatMap((one) => [
    ...one.resizes,
    ...one.moves.filter(({ cpus }) => cpus !== undefined),
  ]);
  if (resizes.length === 0) return [];
  const memory = resizes.filter((one) => 'memoryBytes' in one && one.memoryBytes !== undefined);
  const cpus = resizes.filter((one) => one.cpus !== undefined);
  return [`resizes: ${memory.length} of memory, ${cpus.length} of CPUs`];
}

function migrationLine({ totals }: FleetResult): string {
  const { migrations, moved, swaps, refusedMoves, downtimeMs, migrationBytes } = totals;
  const refused = refusedMoves > 0 ? `, ${refusedMoves} moves refused` : '';
  const failed = moved < migrations ? colours.red(`, ${migrations - moved} did not complete`) : '';
  return `migrations: ${migrations}, ${swaps} swaps${refused}${failed}; ${formatMs(downtimeMs)} of downtime, ${formatSize(migrationBytes)} sent`;
}

function violationLine({ totals }: FleetResult): string {
  const { violationMs, violationMigratingMs, cost, dropped, energyWh } = totals;
  return `agreements: violated for ${time(violationMs)}, ${time(violationMigratingMs)} of it during migrations, cost ${cost.toFixed(1)}; ${formatCount(dropped)} requests dropped; ${energyWh.toFixed(0)} Wh`;
}

function costLine({ ns, cpuNs, events, vmSteps, memoryBytes }: FleetCost): string {
  const rate = (count: number): string =>
    `${formatCount(count)} (${formatCount((count * 1e9) / Math.max(1, cpuNs))} a CPU second)`;
  const took = `${formatDuration(ns)}, ${formatDuration(cpuNs)} of them CPU time`;
  const what = `${rate(events)} events, ${rate(vmSteps)} steps of guests`;
  return colours.dim(`emulated in ${took}: ${what}, ${formatSize(memoryBytes)} of memory`);
}

function proofLine({ ok, migrations }: FleetResult): string {
  if (ok === undefined) return migrations.length === 0 ? 'nothing has moved' : 'not proved';
  const proved = migrations.filter(({ run }) => run?.verify?.ok === true).length;
  if (ok) return colours.green(`proved: the memory of all ${proved} migrations is right`);
  const wrong = migrations.filter(({ run }) => run?.verify?.ok === false);
  return colours.red(`DIFFERS: ${wrong.map(({ guest }) => guest).join(', ')}`);
}
