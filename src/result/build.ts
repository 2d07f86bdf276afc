import type { FaultReport, Latencies } from '../guest/faults.ts';
import {
  averageRate,
  historyRate,
  bounds,
  geometricSeries,
  type Prediction,
} from '../migration/models.ts';
import type { PostcopyPause, RoundReport } from '../migration/metrics.ts';
import { sentTally, type SourceReport } from '../migration/source.ts';
import { pagesOf } from '../wire/tally.ts';
import type { ConnectionLoss, ManagerCounts, Proof, RunReport } from '../runtime/report.ts';
import { compressionOf } from './compression.ts';
import { channelsOf, multifdOf } from './channels.ts';
import { devicesOf, outageOf } from './devices.ts';
import { badFits, vectorFits } from './dirty-vector.ts';
import { type RunResult, resultSchema } from './schema.ts';
import { accessesAt, resample } from './timeline.ts';
import { hostFacts } from './host.ts';
import { pagesOf as recordedPages } from './pages.ts';
import { VERSION } from './version.ts';

/** Builds the result of a run (`pageferry/run@1`). Throws a ZodError when it does not match its own schema. */
export function buildResult(scenario: Record<string, unknown>, report: RunReport): RunResult {
  const { source, guest, disturbance } = report;
  const fits = vectorFits(scenario);
  const warnings = [...(guest.warnings ?? []), ...badFits(fits)];
  const result: RunResult = {
    schema: 'pageferry/run@1',
    version: VERSION,
    scenario,
    ...(report.runtime !== 'virtual' ? { host: hostFacts() } : {}),
    runtime: report.runtime,
    clock: report.clock,
    outcome: source.outcome,
    ...(source.guestLost ? { guestLost: true as const } : {}),
    ...(source.error === undefined ? {} : { error: source.error }),
    ...(warnings.length > 0 ? { warnings } : {}),
    ...(report.prepareNs === undefined ? {} : { prepareMs: ms(report.prepareNs) }),
    totalTimeMs: ms(source.endNs - source.startNs),
    ...wallTimeOf(report),
    ...(source.firstPageNs === undefined
      ? {}
      : { setupTimeMs: ms(source.firstPageNs - source.startNs) }),
    ...downtimeOf(source),
    ...(source.outcome === 'completed' && guest.blackoutNs !== undefined
      ? { blackoutMs: ms(guest.blackoutNs) }
      : {}),
    ...resumeTimeOf(source),
    ram: ramOf(report),
    ...devicesOf(source),
    ...modelsOf(report),
    rounds: source.rounds.map((round) => roundOf(round, source.startNs)),
    ...channelsOf(source),
    ...recordedPages(source),
    ...pausesOf(source),
    ...(source.postcopy ? { faults: faultsOf(guest.faults) } : {}),
    guest: { ...guestOf(report), ...(fits.length > 0 ? { dirtyVectors: fits } : {}) },
    link: linkOf(source),
    ...connectionOf(report),
    ...(disturbance
      ? {
          disturbance: {
            maxLagMs: ms(disturbance.maxLagNs),
            involuntarySwitches: disturbance.involuntarySwitches,
            runnableThreads: disturbance.runnableThreads,
            cpus: disturbance.cpus,
          },
        }
      : {}),
    ...(source.guestLost ? {} : verifyOf(scenario, report.proof)),
  };
  return resultSchema.parse(result);
}

/** Returns the total time with what the manager has done before and after; nothing when that took no time. */
function wallTimeOf({ source, around }: RunReport): Pick<RunResult, 'wallTimeMs'> {
  if (!around) return {};
  return { wallTimeMs: ms(around.before + source.endNs - source.startNs + around.after) };
}

export function ms(ns: number): number {
  return Math.round(ns / 1e3) / 1e3;
}

/** Returns the downtime and its parts, which add up to it because each part begins where the one before ends. */
function downtimeOf(
  source: SourceReport,
): Pick<RunResult, 'downtimeMs' | 'downtimeParts' | 'outageMs' | 'queuedAtPauseMs'> {
  const { running, stop } = source;
  const { pauseAskedNs, pausedNs, harvestedNs, queuedUntilNs = pauseAskedNs } = stop;
  if (
    !running ||
    pauseAskedNs === undefined ||
    pausedNs === undefined ||
    harvestedNs === undefined
  ) {
    return {};
  }
  const times = [
    pauseAskedNs,
    pausedNs,
    harvestedNs,
    running.pagesNs,
    running.stateNs,
    running.runningNs,
  ];
  // The points are rounded and not the spans, so that the parts add up to the last digit.
  const [p0, p1, p2, p3, p4, p5] = times.map((ns) => Math.round(ns / 1e3));
  return {
    downtimeMs: span(p0!, p5!),
    downtimeParts: {
      pauseMs: span(p0!, p1!),
      lastHarvestMs: span(p1!, p2!),
      lastPagesMs: span(p2!, p3!),
      stateMs: span(p3!, p4!),
      handoverMs: span(p4!, p5!),
    },
    ...outageOf(source, span(p0!, p5!)),
    queuedAtPauseMs: ms(queuedUntilNs! - pauseAskedNs),
  };
}

function span(fromUs: number, toUs: number): number {
  return (toUs - fromUs) / 1e3;
}

/** Returns the time from the guest's first instruction at the destination until its last page has arrived. */
function resumeTimeOf({ running, postcopy }: SourceReport): Pick<RunResult, 'resumeTimeMs'> {
  if (!running || postcopy?.presentNs === undefined) return {};
  return { resumeTimeMs: ms(Math.max(0, postcopy.presentNs - running.runningNs)) };
}

function pausesOf({ postcopy, startNs }: SourceReport): Pick<RunResult, 'postcopyPauses'> {
  if (!postcopy?.pauses || postcopy.pauses.length === 0) return {};
  return {
    postcopyPauses: postcopy.pauses.map((pause) => ({
      startMs: ms(pause.startNs - startNs),
      durationMs: ms(pause.endNs - pause.startNs),
      ...recoveryOf(pause),
    })),
  };
}

/** Returns what is known of a pause that ended with a new connection, and nothing of any other. */
function recoveryOf({
  connectedNs,
  endNs,
  resentPages,
}: PostcopyPause): Partial<NonNullable<RunResult['postcopyPauses']>[number]> {
  return connectedNs === undefined ? {} : { recoverMs: ms(endNs - connectedNs), resentPages };
}

function ramOf({ source, destination, guest }: RunReport): RunResult['ram'] {
  const { postcopy } = source;
  const sent = sentTally(source);
  return {
    transferred: source.precopyBytes + source.downtimeBytes + (postcopy?.bytes ?? 0),
    precopyBytes: source.precopyBytes,
    downtimeBytes: source.downtimeBytes,
    postcopyBytes: postcopy?.bytes ?? 0,
    total: guest.pages * guest.pageSize,
    remaining: source.unsentPages * guest.pageSize,
    ...(guest.manager ? { released: source.releasedPages } : {}),
    ...(source.hints
      ? { hinted: source.hints.hintedPages, hintSkipped: source.hints.skippedPages }
      : {}),
    normal: pagesOf(sent, 'raw'),
    duplicate: pagesOf(sent, 'zero'),
    ...referencesOf(source),
    ...xbzrleOf(source, guest.pageSize),
    ...compressionOf(source, guest.pageSize),
    ...multifdOf(source),
    ...(destination ? { dropped: destination.droppedPages } : {}),
    dirtySyncCount: source.dirtySyncCount,
    ...(postcopy ? { postcopyRequests: postcopy.requests } : {}),
    pageSize: guest.pageSize,
  };
}

/** Returns what was sent as references; nothing if that was not allowed. */
function referencesOf({ references }: SourceReport): Partial<RunResult['ram']> {
  if (!references) return {};
  const { pages, bytes, missedPages } = references;
  return { deduplicated: pages, referenceBytes: bytes, referenceMisses: missedPages };
}

/** Returns what XBZRLE did; nothing without that encoding. */
function xbzrleOf({ xbzrle }: SourceReport, pageSize: number): Partial<RunResult['ram']> {
  if (!xbzrle) return {};
  const { pages, bytes, cacheMisses, overflow, cacheBytes } = xbzrle;
  const sought = pages + cacheMisses;
  return {
    xbzrle: {
      cacheBytes,
      pages,
      bytes,
      cacheMisses,
      ...(sought > 0 ? { cacheMissRate: cacheMisses / sought } : {}),
      ...(bytes > 0 ? { encodingRate: (pages * pageSize) / bytes } : {}),
      overflow,
    },
  };
}

/**
 * Returns what the closed formulas of migration/models.ts predict for a pre-copy with the dirty rate of its first
 * round, and nothing when the run was no completed pre-copy over a limited link.
 */
function modelsOf({ source, guest, link, history }: RunReport): Pick<RunResult, 'models'> {
  const first = source.rounds.find((round) => !round.stopped);
  const { running, stop } = source;
  const isPrecopy = source.outcome === 'completed' && !source.postcopy;
  if (!isPrecopy || !first || !link || !running || stop.harvestedNs === undefined) return {};
  const seconds = (first.endNs - first.startNs) / 1e9;
  const downtimeNs = running.runningNs - (stop.pauseAskedNs ?? 0);
  const copyNs = (source.downtimeBytes / link.stoppedBytesPerSecond) * 1e9;
  if (!(seconds > 0) || !Number.isFinite(link.bytesPerSecond)) return {};
  const inputs = {
    guestBytes: guest.pages * guest.pageSize,
    pageSize: guest.pageSize,
    bytesPerSecond: link.bytesPerSecond,
    dirtyPagesPerSecond: first.dirtiedPages / seconds,
    workingSetPages: link.workingSetPages,
    overheadSeconds: Math.max(0, downtimeNs - copyNs) / 1e9,
    downtimeLimitSeconds: link.downtimeLimitNs / 1e9,
  };
  const geometric = geometricSeries(inputs);
  const { totalSeconds, downtimeSeconds } = bounds(inputs);
  return {
    models: {
      dirtyPagesPerSecond: inputs.dirtyPagesPerSecond,
      bounds: { totalTimeMs: range(totalSeconds), downtimeMs: range(downtimeSeconds) },
      ...(geometric ? { geometric: predictionOf(geometric) } : {}),
      average: predictionOf(averageRate(inputs)),
      ...(history ? { history: predictionOf(historyRate(inputs, history)) } : {}),
    },
  };
}

const range = ({ low, high }: { low: number; high: number }): { low: number; high: number } => ({
  low: ms(low * 1e9),
  high: ms(high * 1e9),
});

function predictionOf(of: Prediction): { totalTimeMs: number; downtimeMs: number; rounds: number } {
  const { totalSeconds, downtimeSeconds, rounds } = of;
  return { totalTimeMs: ms(totalSeconds * 1e9), downtimeMs: ms(downtimeSeconds * 1e9), rounds };
}

/** Returns what a result says of demand faults. */
export function faultsOf(faults: FaultReport | undefined): NonNullable<RunResult['faults']> {
  if (!faults) return { count: 0, majorCount: 0, blockedMs: 0, vcpuBlockedMs: [] };
  const { count, majorCount, minorCount, blockedNs, latency, request } = faults;
  return {
    count,
    majorCount,
    ...(minorCount > 0 ? { minorCount } : {}),
    ...(count > 0 ? { latencyUs: latenciesOf(latency) } : {}),
    ...(request ? { requestLatencyUs: latenciesOf(request) } : {}),
    ...(count > 0 ? { latencyDist: [...faults.latencyBuckets] } : {}),
    blockedMs: ms(blockedNs.reduce((sum, ns) => sum + ns, 0)),
    vcpuBlockedMs: blockedNs.map(ms),
  };
}

function latenciesOf(of: Latencies): NonNullable<NonNullable<RunResult['faults']>['latencyUs']> {
  return {
    mean: ms(of.meanNs * 1e3),
    p50: ms(of.p50Ns * 1e3),
    p90: ms(of.p90Ns * 1e3),
    p99: ms(of.p99Ns * 1e3),
    max: ms(of.maxNs * 1e3),
  };
}

/** Returns what a result says of a round. */
export function roundOf(round: RoundReport, startNs: number): RunResult['rounds'][number] {
  const seconds = (round.endNs - round.startNs) / 1e9;
  const isTimed = seconds > 0;
  return {
    index: round.index,
    ...(round.stopped ? { stopped: true as const } : {}),
    startMs: ms(round.startNs - startNs),
    durationMs: ms(round.endNs - round.startNs),
    pages: pagesOf(round.tally),
    zeroPages: pagesOf(round.tally, 'zero'),
    skippedPages: round.skippedPages,
    bytes: round.bytes,
    dirtiedPages: round.dirtiedPages,
    ...(isTimed && !round.stopped ? { dirtyPagesPerSecond: round.dirtiedPages / seconds } : {}),
    ...(round.linkNs > 0 ? { bandwidthBytesPerSecond: (round.bytes / round.linkNs) * 1e9 } : {}),
    ...(round.expectedDowntimeNs === undefined
      ? {}
      : { expectedDowntimeMs: ms(round.expectedDowntimeNs) }),
    ...(round.throttle === undefined ? {} : { throttle: round.throttle }),
  };
}

function guestOf({ guest, source }: RunReport): RunResult['guest'] {
  const { timeline } = guest;
  const total = timeline.at(-1)?.accesses ?? 0;
  const atStart = Math.round(accessesAt(timeline, source.startNs));
  const atEnd = Math.round(accessesAt(timeline, source.endNs));
  return {
    accessesBefore: atStart,
    accessesDuring: atEnd - atStart,
    accessesAfter: total - atEnd,
    ...(guest.achievedRate ? { achievedRate: [...guest.achievedRate] } : {}),
    ...(guest.manager ? { memoryManager: managerOf(guest.manager) } : {}),
    ...(guest.rings.length > 0 ? { dirtyRings: guest.rings.map((ring) => ({ ...ring })) } : {}),
    timeline: resample(timeline),
  };
}

function managerOf(counts: ManagerCounts): RunResult['guest']['memoryManager'] {
  return {
    inflatedPages: counts.inflated,
    deflatedPages: counts.deflated,
    pressureCallbacks: counts.callbacks,
    cacheDroppedPages: counts.cacheDropped,
    cacheMisses: counts.cacheMisses,
  };
}

/**
 * The parts of the downtime and the clock of each. The clocks were compared, so `both` may be wrong by the clocks'
 * difference; a part on one clock is not.
 */
const DOWNTIME_CLOCKS = {
  pauseMs: 'source',
  lastHarvestMs: 'source',
  lastPagesMs: 'both',
  stateMs: 'destination',
  handoverMs: 'destination',
} as const;

/** Returns what is known of the connection of a run in two processes, and nothing of any other run. */
function connectionOf({ connection, source }: RunReport): Pick<RunResult, 'connection'> {
  if (!connection) return {};
  const { id, to, transport, security, roundTripNs, lost, runsHere, losses } = connection;
  return {
    connection: {
      id,
      to,
      transport,
      security,
      roundTripMs: ms(roundTripNs),
      clockErrorMs: ms(roundTripNs / 2),
      downtimeClocks: DOWNTIME_CLOCKS,
      ...(lost === undefined ? {} : { lost }),
      runsAtSource: runsHere,
      ...(losses ? { losses: losses.map((one) => lossOf(one, source.startNs)) } : {}),
    },
  };
}

type LossResult = NonNullable<NonNullable<RunResult['connection']>['losses']>[number];

function lossOf({ reason, lostNs, backNs, again }: ConnectionLoss, startNs: number): LossResult {
  const end = backNs === undefined ? {} : { durationMs: ms(backNs - lostNs) };
  const sentAgain = again === undefined ? {} : { sentAgain: again };
  return { reason, startMs: ms(lostNs - startNs), ...end, ...sentAgain };
}

function linkOf(source: SourceReport): RunResult['link'] {
  const seconds = (source.endNs - (source.firstPageNs ?? source.startNs)) / 1e9;
  return {
    bytes: source.linkBytes,
    ...(seconds > 0 ? { achievedBytesPerSecond: source.linkBytes / seconds } : {}),
  };
}

function verifyOf(
  scenario: Record<string, unknown>,
  proof: Proof | undefined,
): Pick<RunResult, 'verify'> {
  if (!proof) return scenario['verify'] === 'off' ? { verify: { kind: 'off' } } : {};
  return { verify: proofResult(proof) };
}

/** Returns what a result says of a proof. */
export function proofResult(proof: Proof): NonNullable<RunResult['verify']> {
  return {
    kind: proof.kind,
    replayedBy: proof.replayedBy,
    pagesCompared: proof.pagesCompared,
    bytesCompared: proof.bytesCompared,
    differingPages: proof.differingPages,
    readsChecked: proof.readsChecked,
    ...(proof.durationNs === undefined ? {} : { durationMs: ms(proof.durationNs) }),
    ok: proof.ok,
    ...(proof.firstDifference ? { firstDifference: proof.firstDifference } : {}),
    ...(proof.problems.length > 0 ? { problems: [...proof.problems] } : {}),
  };
}
