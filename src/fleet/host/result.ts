import { VIRTUAL_CLOCK_NAME } from '../../clock/virtual.ts';
import type { MemoryState } from '../../overcommit/memory-state.ts';
import { proofResult } from '../../result/build.ts';
import { VERSION } from '../../result/version.ts';
import type { HostConfig } from './config.ts';
import type { LoadedHost } from './load.ts';
import { migrationResults } from './migration-results.ts';
import type { GuestSample, HostReport } from './report.ts';
import { type HostResult, hostResultSchema } from './result-schema.ts';

/** Builds the result of a host (`pageferry/host@1`). Throws a ZodError when it does not match its own schema. */
export function buildHostResult(loaded: LoadedHost, report: HostReport): HostResult {
  const { file, config } = loaded;
  const { host, guests } = config;
  const { pageSize } = host;
  const { samples, proof, sharing } = report;
  const memory = guests.reduce((sum, guest) => sum + guest.config.guest.memoryBytes, 0);
  const result: HostResult = {
    schema: 'pageferry/host@1',
    version: VERSION,
    scenario: file,
    runtime: 'virtual',
    clock: VIRTUAL_CLOCK_NAME,
    outcome: report.outcome,
    ...(report.error === undefined ? {} : { error: report.error }),
    durationMs: ms(report.endedNs),
    host: {
      memoryBytes: host.machinePages * pageSize,
      commitment: memory / (host.machinePages * pageSize),
      minFreeBytes: leastFreePages(host.machinePages, samples) * pageSize,
      states: report.states.map(({ atNs, state }) => ({ atMs: ms(atNs), state })),
      timeMs: timesInStates(report),
      ...(sharing
        ? { sharing: { ...sharing, tableBytesPerFrame: report.tableBytesPerFrame! } }
        : {}),
      paging: {
        ...report.paging,
        readBytes: report.device.readBytes,
        writtenBytes: report.device.writtenBytes,
      },
    },
    ...(report.others.length > 0 ? { others: othersOf(config, report) } : {}),
    guests: guests.map((spec, index) => {
      const { name, startNs, stopNs, resetNs, grant } = spec;
      const aliveNs = Math.max(0, Math.min(stopNs ?? Infinity, report.endedNs) - startNs);
      const found = proof?.guests.find((one) => one.name === name)?.proof;
      const none = { accesses: 0, pagedOut: 0, pagedIn: 0, doublePaged: 0, popped: 0 };
      const { accesses, popped, ...totals } = report.totals[index] ?? none;
      return {
        name,
        memoryBytes: spec.config.guest.memoryBytes,
        minBytes: grant.minPages * pageSize,
        shares: grant.shares,
        startMs: ms(startNs),
        ...(stopNs === undefined ? {} : { stopMs: ms(stopNs) }),
        ...(resetNs === undefined ? {} : { resetMs: ms(resetNs) }),
        accesses,
        accessesPerSecond: aliveNs > 0 ? (accesses / aliveNs) * 1e9 : 0,
        ...totals,
        ...(resetNs === undefined ? {} : { popped }),
        ...(config.isProved
          ? found
            ? { verify: proofResult(found) }
            : {}
          : { verify: { kind: 'off' as const } }),
      };
    }),
    ...(report.migrations.length > 0 ? { migrations: migrationResults(loaded, report) } : {}),
    series: seriesOf(
      report,
      guests.map(({ name }) => name),
      pageSize,
    ),
    problems: [...(proof?.problems ?? [])],
    ...(proof
      ? { ok: proof.problems.length === 0 && proof.guests.every((one) => one.proof.ok) }
      : {}),
  };
  return hostResultSchema.parse(result);
}

function othersOf(config: HostConfig, report: HostReport): HostResult['others'] {
  const { pageSize } = config.host;
  return report.others.map(({ name, states, sharing, paging }, index) => {
    const { machinePages } = config.others[name]!;
    const own = report.samples.map(({ others }) => others[index]!);
    return {
      name,
      memoryBytes: machinePages * pageSize,
      minFreeBytes: leastFreePages(machinePages, own) * pageSize,
      states: states.map(({ atNs, state }) => ({ atMs: ms(atNs), state })),
      timeMs: timesInStates({ states, endedNs: report.endedNs }),
      ...(sharing ? { sharing } : {}),
      paging,
    };
  });
}

/** Returns the least that was free at a sample. There may be too many samples to be the arguments of a call. */
const leastFreePages = (
  machinePages: number,
  samples: readonly { readonly freePages: number }[],
): number => samples.reduce((least, { freePages }) => Math.min(least, freePages), machinePages);

function seriesOf(
  { samples, others }: HostReport,
  names: readonly string[],
  pageSize: number,
): HostResult['series'] {
  const valuesOf = (index: number, key: keyof GuestSample): (number | null)[] =>
    samples.map(({ guests }) => {
      const value = guests[index]?.[key];
      return value === undefined ? null : value * pageSize;
    });
  return {
    timesMs: samples.map(({ atNs }) => ms(atNs)),
    freeBytes: samples.map(({ freePages }) => freePages * pageSize),
    reclaimedBytes: samples.map(({ savedPages }) => savedPages * pageSize),
    states: samples.map(({ state }) => state),
    ...(others.length > 0
      ? {
          others: others.map(({ name }, index) => ({
            name,
            freeBytes: samples.map((one) => one.others[index]!.freePages * pageSize),
            reclaimedBytes: samples.map((one) => one.others[index]!.savedPages * pageSize),
            states: samples.map((one) => one.others[index]!.state),
          })),
        }
      : {}),
    guests: names.map((name, index) => ({
      name,
      allocatedBytes: valuesOf(index, 'allocated'),
      targetBytes: valuesOf(index, 'target'),
      activeBytes: valuesOf(index, 'active'),
      balloonedBytes: valuesOf(index, 'ballooned'),
      sharedBytes: valuesOf(index, 'shared'),
      swappedBytes: valuesOf(index, 'swapped'),
    })),
  };
}

/** Returns how long the host's memory was in each state, in milliseconds; it begins in `high`. */
function timesInStates({
  states,
  endedNs,
}: Pick<HostReport, 'states' | 'endedNs'>): Record<string, number> {
  const timeNs: Record<MemoryState, number> = { high: 0, soft: 0, hard: 0, low: 0 };
  let at: { atNs: number; state: MemoryState } = { atNs: 0, state: 'high' };
  for (const next of [...states, { atNs: endedNs, state: 'high' as const }]) {
    timeNs[at.state] += next.atNs - at.atNs;
    at = next;
  }
  return Object.fromEntries(Object.entries(timeNs).map(([state, ns]) => [state, ms(ns)]));
}

const ms = (ns: number): number => ns / 1e6;
