import type { DivergenceFacts } from './divergence.ts';
import type { RoundReport } from './metrics.ts';
import type { SourceSession } from './source-session.ts';

/** A round that leaves less than this share of what it began with brings the migration nearer to its end. */
const SHRINKING = 0.9;

/** Returns the figures of a migration that has diverged, as its rounds have measured them. */
export function divergenceFacts(session: SourceSession, isByPolicy: boolean): DivergenceFacts {
  const { side, metrics, phase, unsent, startNs, firstPageNs, stop, downtimeLimitMs } = session;
  const { memory } = side.guest;
  const { options } = side;
  const nowNs = side.clock.now();
  const rounds = metrics.rounds.filter(({ stopped }) => !stopped);
  const last = rounds.at(-1);
  const isStopped = phase === 'stopped' || phase === 'handover';
  const leftPages = unsent.count;
  const stoppedPages = leftPages + metrics.openPages;
  const sendingFromNs = (isStopped ? stop.harvestedNs : firstPageNs) ?? startNs;
  const holdUp = session.devices?.holdUp(sendingFromNs, nowNs);
  return {
    by: isByPolicy ? 'policy' : 'timeout',
    phase:
      phase === 'setup' || firstPageNs === undefined ? 'setup' : isStopped ? 'stopped' : 'live',
    elapsedNs: nowNs - startNs,
    passBytes: (isStopped ? stoppedPages : memory.pages) * memory.pageSize,
    leftBytes: leftPages * memory.pageSize,
    deviceBytes: session.devices?.pendingStoppedBytes ?? 0,
    sentBytes: isStopped ? metrics.stoppedBytes : metrics.liveBytes,
    sendingNs: nowNs - sendingFromNs,
    ...(holdUp ? { holdUp } : {}),
    ...(last ? { lastRound: roundFacts(last, rounds.at(-2), memory) } : {}),
    ...(downtimeLimitMs ? { downtimeLimitNs: downtimeLimitMs() * 1e6 } : {}),
    linkBytesPerSecond: options.linkBytesPerSecond,
    maxBytesPerSecond: options.maxBytesPerSecond,
    remedies: options.remedies ?? { others: [] },
  };
}

function roundFacts(
  round: RoundReport,
  before: RoundReport | undefined,
  { pages, pageSize }: { readonly pages: number; readonly pageSize: number },
): NonNullable<DivergenceFacts['lastRound']> {
  const seconds = (round.endNs - round.startNs) / 1e9;
  const begunPages = before?.dirtiedPages ?? pages;
  const { expectedDowntimeNs } = round;
  return {
    dirtiedBytesPerSecond: (round.dirtiedPages * pageSize) / seconds,
    sentBytesPerSecond: round.bytes / seconds,
    ...(expectedDowntimeNs === undefined ? {} : { expectedDowntimeNs }),
    isShrinking: round.dirtiedPages < SHRINKING * begunPages,
  };
}
