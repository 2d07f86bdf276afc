import { MONOTONIC_CLOCK_NAME } from '../../clock/monotonic.ts';
import { VIRTUAL_CLOCK_NAME } from '../../clock/virtual.ts';
import type { CheckpointCause } from '../../replication/colo/config.ts';
import type { EpochRecord } from '../../replication/ports.ts';
import { proofResult } from '../../result/build.ts';
import { VERSION } from '../../result/version.ts';
import type {
  PairReport,
  ProtectReport,
  TakeoverReport,
} from '../../runtime/virtual/replication/report.ts';
import type { LoadedProtection } from './load.ts';
import { type ProtectResult, protectResultSchema } from './result-schema.ts';

type Protection = ProtectResult['protections'][number];

const ms = (ns: number): number => Math.max(0, ns) / 1e6;

/** Builds the result (`pageferry/protect@1`). Throws a ZodError when it does not match its own schema. */
export function buildProtectResult(
  { file, config }: LoadedProtection,
  report: ProtectReport,
): ProtectResult {
  const { proofs, problems, packets, endedNs } = report;
  const { pageSize } = config.run.guest;
  const delayMs = weightedSpread(report.delays.map(({ ns, packets: weight }) => [ns, weight]));
  const result: ProtectResult = {
    schema: 'pageferry/protect@1',
    version: VERSION,
    scenario: file,
    runtime: file.runtime,
    clock: file.runtime === 'threads' ? MONOTONIC_CLOCK_NAME : VIRTUAL_CLOCK_NAME,
    outcome: report.outcome,
    ...(report.error === undefined ? {} : { error: report.error }),
    durationMs: ms(endedNs),
    failures: config.troubles.map(({ atNs, what }) => ({ atMs: ms(atNs), what })),
    protections: report.pairs.map((pair) => protectionOf(pair, endedNs, pageSize)),
    takeovers: report.takeovers.map(takeoverOf),
    splitMs: ms(report.splitNs),
    guest: {
      accesses: report.accesses,
      accessesPerSecond: endedNs > 0 ? (report.accesses / endedNs) * 1e9 : 0,
    },
    packets: { ...packets, ...(delayMs ? { delayMs } : {}) },
    ...(config.emissions.disk ? { disk: { writtenBlocks: report.writtenBlocks } } : {}),
    proofs: (proofs ?? []).map(({ host, of, epoch, proof, differingBlocks }) => ({
      host: host + 1,
      of,
      ...(epoch === undefined ? {} : { epoch }),
      verify: proofResult(proof),
      ...(differingBlocks === undefined ? {} : { differingBlocks }),
    })),
    problems: [...problems],
    ...(hasVerdict(report) ? { ok: isProved(report) } : {}),
  };
  return protectResultSchema.parse(result);
}

/** Whether anything has been compared, or a promise was broken; a guest that is lost may leave nothing to compare. */
const hasVerdict = ({ proofs, problems }: ProtectReport): boolean =>
  proofs !== undefined && proofs.length + problems.length > 0;

const isProved = ({ proofs, problems }: ProtectReport): boolean =>
  problems.length === 0 &&
  (proofs ?? []).every(({ proof, differingBlocks = 0 }) => proof.ok && differingBlocks === 0);

function protectionOf(pair: PairReport, endedNs: number, pageSize: number): Protection {
  const { epochs, codes, cache, protectedNs, endNs } = pair;
  const all = Object.values(codes);
  const pages = all.reduce((sum, code) => sum + code.pages, 0);
  const bytes = all.reduce((sum, code) => sum + code.bytes, 0);
  // The first epoch brings what the pre-copy has left, so that it says little of the others.
  const later = epochs.slice(1);
  const spanNs = later.length > 0 ? later.at(-1)!.ackNs - protectedNs! : 0;
  const laterBytes = later.reduce((sum, epoch) => sum + epoch.bytes, 0);
  return {
    primary: pair.primary + 1,
    backup: pair.backup + 1,
    startMs: ms(pair.startNs),
    ...(protectedNs === undefined ? {} : { protectedMs: ms(protectedNs) }),
    ...(endNs === undefined || endNs > endedNs ? {} : { endMs: ms(endNs) }),
    ...(pair.end === undefined ? {} : { end: pair.end }),
    ...(pair.reason === undefined ? {} : { reason: pair.reason }),
    epochs: epochs.length,
    epochsPerSecond: spanNs > 0 ? (later.length / spanNs) * 1e9 : 0,
    pauseMs: spreadOf(later, ({ pauseNs, resumeNs }) => resumeNs - pauseNs),
    sendMs: spreadOf(later, ({ sendNs, sentNs }) => sentNs - sendNs),
    ackMs: spreadOf(later, ({ pauseNs, ackNs }) => ackNs - pauseNs),
    pagesPerEpoch: mean(later.map((epoch) => epoch.pages)),
    mostPages: Math.max(0, ...later.map((epoch) => epoch.pages)),
    ...(epochs.some(({ hasPassedMark }) => hasPassedMark !== undefined)
      ? { markedEpochs: epochs.filter(({ hasPassedMark }) => hasPassedMark).length }
      : {}),
    savedPages: epochs.reduce((sum, { savedPages }) => sum + savedPages, 0),
    bytes: pair.bytes,
    bytesPerSecond: spanNs > 0 ? (laterBytes / spanNs) * 1e9 : 0,
    codes,
    ...(bytes > 0 ? { compressionRatio: (pages * pageSize) / bytes } : {}),
    ...(cache.lookUps > 0 ? { cacheHitShare: cache.hits / cache.lookUps } : {}),
    senderMs: ms(pair.senderNs),
    ...coloOf(epochs),
  };
}

/** Returns what is special to checkpoints of COLO, without the first one, which nothing has forced. */
function coloOf(epochs: readonly EpochRecord[]): Pick<Protection, 'colo'> {
  const later = epochs.slice(1).flatMap(({ colo, pages }) => (colo ? [{ ...colo, pages }] : []));
  if (!epochs[0]?.colo) return {};
  const made = (cause: CheckpointCause): number =>
    later.filter((one) => one.cause === cause).length;
  return {
    colo: {
      differences: made('difference'),
      silences: made('silence'),
      periods: made('period'),
      primaryPages: mean(later.map((one) => one.primaryPages)),
      secondaryPages: mean(later.map((one) => one.secondaryPages)),
    },
  };
}

function takeoverOf(times: TakeoverReport): ProtectResult['takeovers'][number] {
  const { from, to, epoch, diedNs, heardNs, detectedNs, fencedNs, drainedNs } = times;
  return {
    from: from + 1,
    to: to + 1,
    epoch,
    ...(diedNs === undefined ? {} : { diedMs: ms(diedNs) }),
    detectMs: ms(detectedNs - heardNs),
    fenceMs: ms(fencedNs - detectedNs),
    drainMs: ms(drainedNs - fencedNs),
    activateMs: ms(times.activatedNs - drainedNs),
    startMs: ms(times.runningNs - times.activatedNs),
    totalMs: ms(times.runningNs - heardNs),
  };
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;

type Spread = Protection['pauseMs'];

const spreadOf = (epochs: readonly EpochRecord[], nsOf: (epoch: EpochRecord) => number): Spread =>
  weightedSpread(epochs.map((epoch) => [nsOf(epoch), 1])) ?? { mean: 0, p50: 0, p99: 0, max: 0 };

/** Returns how times in ns are spread, each with a weight, in ms; undefined when there are none. */
function weightedSpread(values: readonly (readonly [number, number])[]): Spread | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted(([a], [b]) => a - b);
  const all = sorted.reduce((sum, [, weight]) => sum + weight, 0);
  const at = (share: number): number => {
    let passed = 0;
    for (const [ns, weight] of sorted) {
      passed += weight;
      if (passed >= share * all) return ms(ns);
    }
    return ms(sorted.at(-1)![0]);
  };
  const sum = sorted.reduce((total, [ns, weight]) => total + ns * weight, 0);
  return { mean: ms(sum / all), p50: at(0.5), p99: at(0.99), max: ms(sorted.at(-1)![0]) };
}
