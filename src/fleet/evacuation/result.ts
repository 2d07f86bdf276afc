import { buildResult } from '../../result/build.ts';
import { hostFacts } from '../../result/host.ts';
import type { RunResult } from '../../result/schema.ts';
import { VERSION } from '../../result/version.ts';
import type { RunReport } from '../../runtime/report.ts';
import type { EvacuationConfig, ParallelLimits } from './config.ts';
import type { LoadedEvacuation } from './load.ts';
import type { EvacuationReport, GuestEvacuation } from './report.ts';
import {
  type EvacuationResult,
  evacuationResultSchema,
  type GuestResult,
} from './result-schema.ts';
import { meanOf, type UseOverTime, useOverTime } from './use.ts';

/** Builds the result of an evacuation. Throws a ZodError when it does not match its own schema. */
export function buildEvacuationResult(
  { file, scenarios, config }: Pick<LoadedEvacuation, 'file' | 'scenarios' | 'config'>,
  report: EvacuationReport,
): EvacuationResult {
  const spanNs = report.endedNs - report.startedNs;
  const guests = report.guests.map((guest, index) =>
    guestOf(guest, config, index, scenarios[index]!, report),
  );
  const capacities = report.links.map(({ bytesPerSecond }) => bytesPerSecond);
  const use = useOverTime(report.samples, report.startedNs, report.endedNs, capacities);
  const downtimes = valuesOf(guests, ({ run }) => run?.downtimeMs);
  const slowdowns = valuesOf(guests, ({ slowdown }) => slowdown);
  const waiting = guests.map(({ waitingMs }) => waitingMs);
  const result: EvacuationResult = {
    schema: 'pageferry/evacuation@1',
    version: VERSION,
    scenario: file,
    ...(report.runtime === 'threads' ? { host: hostFacts() } : {}),
    runtime: report.runtime,
    clock: report.clock,
    source: config.source,
    limits: limitsIn(config.limits),
    emptied: guests.every(({ outcome }) => outcome === 'completed'),
    makespanMs: ms(spanNs),
    outcomes: outcomesOf(guests),
    forced: guests.filter(({ wasForced }) => wasForced).length,
    missedDeadlines: guests.filter(({ missedDeadline }) => missedDeadline).length,
    ...(downtimes.length > 0
      ? {
          downtimeMs: {
            sum: rounded(sum(downtimes)),
            median: rounded(median(downtimes)),
            max: Math.max(...downtimes),
          },
        }
      : {}),
    waitingMs: { mean: rounded(sum(waiting) / waiting.length), max: Math.max(...waiting) },
    ...(slowdowns.length > 0
      ? { slowdown: { mean: sum(slowdowns) / slowdowns.length, max: Math.max(...slowdowns) } }
      : {}),
    bytes: sum(valuesOf(guests, ({ run }) => run?.link.bytes)),
    ...referencesOf(guests, report),
    timeline: { periodMs: use.periodMs, migrations: [...use.migrations] },
    links: linksOf(report, use),
    hosts: hostsOf(config, use, ms(spanNs)),
    guests,
  };
  return evacuationResultSchema.parse(result);
}

const rounded = (value: number): number => Math.round(value * 1e3) / 1e3;
const ms = (ns: number): number => rounded(ns / 1e6);
const sum = (values: readonly number[]): number => values.reduce((total, one) => total + one, 0);

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function valuesOf(
  guests: readonly GuestResult[],
  value: (guest: GuestResult) => number | undefined,
): number[] {
  return guests.flatMap((guest) => value(guest) ?? []);
}

function limitsIn({ outgoing, incoming, cluster, inBatches }: ParallelLimits) {
  const finite = Object.entries({ outgoing, incoming, cluster }).filter(
    ([, limit]) => limit < Infinity,
  );
  return { ...Object.fromEntries(finite), inBatches };
}

function outcomesOf(guests: readonly GuestResult[]): EvacuationResult['outcomes'] {
  const counts = { completed: 0, cancelled: 0, diverged: 0, failed: 0, waiting: 0 };
  for (const { outcome } of guests) counts[outcome]++;
  return counts;
}

function guestOf(
  guest: GuestEvacuation,
  config: EvacuationConfig,
  index: number,
  scenario: Record<string, unknown>,
  { startedNs, endedNs }: EvacuationReport,
): GuestResult {
  const { name, target, run: report, wasForced } = guest;
  const { deadlineNs } = config.guests[index]!;
  const run = report && buildResult(scenario, withFileKeys(report));
  const outcome = run?.outcome ?? 'waiting';
  const isLate = outcome !== 'completed' || (guest.endedNs ?? Infinity) - startedNs > deadlineNs!;
  return {
    name,
    source: config.source,
    ...(target === undefined ? {} : { target }),
    outcome,
    waitingMs: ms(Math.max(0, (guest.startedNs ?? endedNs) - startedNs)),
    ...(guest.startedNs === undefined ? {} : { startMs: ms(guest.startedNs - startedNs) }),
    ...(guest.endedNs === undefined ? {} : { endMs: ms(guest.endedNs - startedNs) }),
    ...(deadlineNs === undefined ? {} : { deadlineMs: ms(deadlineNs), missedDeadline: isLate }),
    wasForced,
    ...(run ? slowdownOf(run) : {}),
    ...(run ? { run } : {}),
  };
}

/** Returns the report with a message that names the key of the evacuation's file in place of that of a scenario. */
function withFileKeys(report: RunReport): RunReport {
  const { source } = report;
  if (source.error === undefined) return report;
  const error = source.error.replaceAll('link.bandwidth', 'core.bandwidth or nic');
  return { ...report, source: { ...source, error } };
}

/** Returns the share of accesses that a guest did not make while it migrated, of those at its rate before. */
function slowdownOf({ guest, totalTimeMs }: RunResult): Pick<GuestResult, 'slowdown'> {
  const due = (sum(guest.achievedRate ?? []) * totalTimeMs) / 1e3;
  if (!(due > 0)) return {};
  return { slowdown: Math.min(1, Math.max(0, 1 - guest.accessesDuring / due)) };
}

/** Returns what all migrations have sent as references; nothing when none of them may. */
function referencesOf(
  guests: readonly GuestResult[],
  { referenceTables }: EvacuationReport,
): Pick<EvacuationResult, 'references'> {
  const rams = guests.flatMap(({ run }) => (run?.ram.deduplicated === undefined ? [] : [run.ram]));
  if (rams.length === 0) return {};
  return {
    references: {
      pages: sum(rams.map(({ deduplicated }) => deduplicated!)),
      bytes: sum(rams.map(({ referenceBytes }) => referenceBytes!)),
      missedPages: sum(rams.map(({ referenceMisses }) => referenceMisses!)),
      tables: referenceTables.map(({ to, pageSize, entries, bytes }) => ({
        target: to,
        pageSize,
        entries,
        bytes,
        ...(entries > 0 ? { bytesPerEntry: rounded(bytes / entries) } : {}),
      })),
    },
  };
}

function linksOf(report: EvacuationReport, use: UseOverTime): EvacuationResult['links'] {
  const spanMs = (report.endedNs - report.startedNs) / 1e6;
  return report.links.map(({ name, bytesPerSecond }, index) => {
    const series = (use.links[index] ?? []).map(Math.round);
    const mean = Math.round(meanOf(series, use.periodMs, spanMs));
    const max = Math.max(0, ...series);
    return {
      name,
      ...(bytesPerSecond < Infinity ? { bytesPerSecond } : {}),
      meanBytesPerSecond: mean,
      maxBytesPerSecond: max,
      ...(bytesPerSecond < Infinity
        ? { meanUse: mean / bytesPerSecond, maxUse: max / bytesPerSecond }
        : {}),
      seriesBytesPerSecond: series,
    };
  });
}

function hostsOf(
  { hosts }: EvacuationConfig,
  use: UseOverTime,
  spanMs: number,
): EvacuationResult['hosts'] {
  return hosts.map(({ name, cpus }, index) => {
    const known = { name, ...(cpus < Infinity ? { cpus } : {}) };
    const series = use.hosts[index]?.map(rounded);
    if (!series) return known;
    return {
      ...known,
      meanCpus: rounded(meanOf(series, use.periodMs, spanMs)),
      maxCpus: Math.max(0, ...series),
      seriesCpus: series,
    };
  });
}
