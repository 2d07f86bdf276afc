import type { RestoreReport } from '../runtime/common/snapshot/restore-report.ts';
import type { SaveReport, SaveRequest } from '../runtime/common/snapshot/save-report.ts';
import type { SnapshotChain } from '../snapshot/reader.ts';
import { faultsOf, ms, proofResult, roundOf } from './build.ts';
import { hostFacts } from './host.ts';
import {
  type RestoreResult,
  restoreSchema,
  type SaveResult,
  saveSchema,
} from './snapshot-schema.ts';
import { resample } from './timeline.ts';
import { VERSION } from './version.ts';

/** Builds the result of a save. Throws a ZodError when it does not match its own schema. */
export function buildSave(request: SaveRequest, report: SaveReport): SaveResult {
  const { end, counts, guest, proof, guestProof } = report;
  const { stop, startNs, endNs } = end;
  const background = 'copiedPages' in end ? end : undefined;
  const { scenario, path, base, mode, channels } = request;
  const upNs = background ? background.resumedNs : stop.handedNs;
  const isPaused = stop.pauseAskedNs !== undefined && upNs !== undefined;
  const bytes = counts.writtenPages * guest.pageSize;
  return saveSchema.parse({
    schema: 'pageferry/save@1',
    version: VERSION,
    scenario,
    ...(report.runtime === 'threads' ? { host: hostFacts() } : {}),
    runtime: report.runtime,
    clock: report.clock,
    mode,
    outcome: end.outcome,
    ...(end.error === undefined ? {} : { error: end.error }),
    file: { path, ...(base === undefined ? {} : { base }), direct: report.isDirect, channels },
    totalTimeMs: ms(endNs - startNs),
    ...(isPaused ? { pausedMs: ms(upNs - stop.pauseAskedNs) } : {}),
    pages: {
      pageSize: guest.pageSize,
      total: guest.pages,
      ...counts.places,
      written: counts.writtenPages,
      same: counts.samePages,
      ...(background ? { copied: background.copiedPages } : {}),
    },
    ...(endNs > startNs ? { writtenBytesPerSecond: (bytes * 1e9) / (endNs - startNs) } : {}),
    rounds: end.rounds.map((round) => roundOf(round, startNs)),
    guest: {
      ...(guest.savedAccesses === undefined ? {} : { savedAccesses: guest.savedAccesses }),
      accesses: guest.accesses,
      ...(guest.achievedRate ? { achievedRate: [...guest.achievedRate] } : {}),
    },
    ...verifyOf(scenario, proof),
    ...(guestProof ? { guestVerify: proofResult(guestProof) } : {}),
  });
}

/** Builds the result of a restore. Throws a ZodError when it does not match its own schema. */
export function buildRestore(
  scenario: Record<string, unknown>,
  { top, files }: SnapshotChain,
  report: RestoreReport,
): RestoreResult {
  const { guest, runningNs, firstAccessNs, presentNs, readBytes, proof } = report;
  const fullSpeedMs = fullSpeedOf(report);
  const isLost = report.outcome === 'failed' && runningNs !== undefined;
  return restoreSchema.parse({
    schema: 'pageferry/restore@1',
    version: VERSION,
    scenario,
    ...(report.runtime === 'threads' ? { host: hostFacts() } : {}),
    runtime: report.runtime,
    clock: report.clock,
    outcome: report.outcome,
    ...(isLost ? { guestLost: true } : {}),
    ...(report.error === undefined ? {} : { error: report.error }),
    file: {
      path: top.path,
      mode: top.state.mode,
      identity: top.identity.toString('hex'),
      bases: files.slice(1).map(({ path }) => path),
    },
    lazy: report.isLazy,
    readBytes,
    ...(runningNs === undefined ? {} : { runningMs: ms(runningNs) }),
    ...(firstAccessNs === undefined ? {} : { firstAccessMs: ms(firstAccessNs) }),
    ...(fullSpeedMs === undefined ? {} : { fullSpeedMs }),
    ...(presentNs === undefined ? {} : { presentMs: ms(presentNs) }),
    ...(presentNs ? { readBytesPerSecond: (readBytes * 1e9) / presentNs } : {}),
    pages: { pageSize: guest.pageSize, total: guest.pages },
    ...(report.isLazy ? { faults: faultsOf(guest.faults) } : {}),
    ...workingSetOf(report),
    guest: {
      savedAccesses: guest.savedAccesses,
      accesses: guest.accesses,
      timeline: resample(guest.timeline),
    },
    ...verifyOf(scenario, proof),
  });
}

function workingSetOf({ prefetchedPages, recorded }: RestoreReport): { workingSet?: unknown } {
  if (prefetchedPages === undefined && !recorded) return {};
  return {
    workingSet: {
      ...(prefetchedPages === undefined ? {} : { prefetchedPages }),
      ...(recorded ? { recordedPages: recorded.length } : {}),
    },
  };
}

function verifyOf(
  scenario: Readonly<Record<string, unknown>>,
  proof: SaveReport['proof'],
): { verify?: unknown } {
  if (proof) return { verify: proofResult(proof) };
  return scenario['verify'] === 'off' ? { verify: { kind: 'off' } } : {};
}

/** The guest has its full speed when it makes this share of the accesses that it makes later. */
const FULL_SHARE = 0.9;

/**
 * Returns when the guest had its full speed, in ms from the restore's start: the end of the first period in which it
 * made nine tenths of the median of the later half of all periods. Undefined if its life is too short to tell.
 */
function fullSpeedOf({ guest, runningNs }: RestoreReport): number | undefined {
  const { periodMs, accessesPerSecond: rates } = resample(guest.timeline);
  if (rates.length < 4 || runningNs === undefined) return undefined;
  const later = rates.slice(Math.floor(rates.length / 2)).toSorted((a, b) => a - b);
  const usual = later[Math.floor(later.length / 2)]!;
  const first = rates.findIndex((rate) => rate >= FULL_SHARE * usual);
  if (usual === 0 || first < 0) return undefined;
  return ms(guest.timeline[0]!.ns) + (first + 1) * periodMs;
}
