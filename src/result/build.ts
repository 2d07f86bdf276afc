import { cpus, totalmem } from 'node:os';
import type { RoundReport } from '../migration/metrics.ts';
import type { SourceReport } from '../migration/source.ts';
import type { Proof, RunReport } from '../runtime/report.ts';
import { type RunResult, resultSchema } from './schema.ts';
import { accessesAt, resample } from './timeline.ts';
import { VERSION } from './version.ts';

/** Builds the result of a run and checks it against its own schema. */
export function buildResult(scenario: Record<string, unknown>, report: RunReport): RunResult {
  const { source, guest, disturbance } = report;
  const result: RunResult = {
    schema: 'pageferry/run@1',
    version: VERSION,
    scenario,
    host: hostFacts(),
    runtime: report.runtime,
    clock: report.clock,
    outcome: source.outcome,
    ...(source.guestLost ? { guestLost: true as const } : {}),
    ...(source.error === undefined ? {} : { error: source.error }),
    prepareMs: ms(report.prepareNs),
    totalTimeMs: ms(source.endNs - source.startNs),
    ...(source.firstPageNs === undefined
      ? {}
      : { setupTimeMs: ms(source.firstPageNs - source.startNs) }),
    ...downtimeOf(source),
    ...(source.outcome === 'completed' && guest.blackoutNs !== undefined
      ? { blackoutMs: ms(guest.blackoutNs) }
      : {}),
    ram: ramOf(source, guest.pages, guest.pageSize),
    rounds: source.rounds.map((round) => roundOf(round, source.startNs)),
    guest: guestOf(report),
    link: linkOf(source),
    disturbance: {
      maxLagMs: ms(disturbance.maxLagNs),
      involuntarySwitches: disturbance.involuntarySwitches,
      runnableThreads: disturbance.runnableThreads,
      cpus: disturbance.cpus,
    },
    ...(source.guestLost ? {} : verifyOf(scenario, report.proof)),
  };
  return resultSchema.parse(result);
}

function ms(ns: number): number {
  return Math.round(ns / 1e3) / 1e3;
}

function hostFacts(): RunResult['host'] {
  const processors = cpus();
  return {
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpuModel: processors[0]?.model ?? 'unknown',
    cpus: processors.length,
    memoryBytes: totalmem(),
  };
}

/** Downtime and its parts; the parts sum to it because they share their ends. */
function downtimeOf(source: SourceReport): Pick<RunResult, 'downtimeMs' | 'downtimeParts'> {
  const { running, stop } = source;
  const { pauseAskedNs, pausedNs, harvestedNs } = stop;
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
  // Round the points, not the spans: then the parts add up to the digit.
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
  };
}

function span(fromUs: number, toUs: number): number {
  return (toUs - fromUs) / 1e3;
}

function ramOf(source: SourceReport, pages: number, pageSize: number): RunResult['ram'] {
  const sum = (count: (round: RoundReport) => number): number =>
    source.rounds.reduce((total, round) => total + count(round), 0);
  return {
    transferred: source.precopyBytes + source.downtimeBytes,
    precopyBytes: source.precopyBytes,
    downtimeBytes: source.downtimeBytes,
    total: pages * pageSize,
    remaining: source.unsentPages * pageSize,
    normal: sum((round) => round.rawPages),
    duplicate: sum((round) => round.zeroPages),
    dirtySyncCount: source.dirtySyncCount,
    pageSize,
  };
}

function roundOf(round: RoundReport, startNs: number): RunResult['rounds'][number] {
  const seconds = (round.endNs - round.startNs) / 1e9;
  const isTimed = seconds > 0;
  return {
    index: round.index,
    ...(round.stopped ? { stopped: true as const } : {}),
    startMs: ms(round.startNs - startNs),
    durationMs: ms(round.endNs - round.startNs),
    pages: round.rawPages + round.zeroPages,
    zeroPages: round.zeroPages,
    skippedPages: round.skippedPages,
    bytes: round.bytes,
    dirtiedPages: round.dirtiedPages,
    ...(isTimed && !round.stopped ? { dirtyPagesPerSecond: round.dirtiedPages / seconds } : {}),
    ...(round.linkNs > 0 ? { bandwidthBytesPerSecond: (round.bytes / round.linkNs) * 1e9 } : {}),
    ...(round.expectedDowntimeNs === undefined
      ? {}
      : { expectedDowntimeMs: ms(round.expectedDowntimeNs) }),
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
    timeline: resample(timeline),
  };
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
  return {
    verify: {
      kind: proof.kind,
      replayedBy: proof.replayedBy,
      pagesCompared: proof.pagesCompared,
      bytesCompared: proof.bytesCompared,
      differingPages: proof.differingPages,
      readsChecked: proof.readsChecked,
      durationMs: ms(proof.durationNs),
      ok: proof.ok,
      ...(proof.firstDifference ? { firstDifference: proof.firstDifference } : {}),
      ...(proof.problems.length > 0 ? { problems: [...proof.problems] } : {}),
    },
  };
}
