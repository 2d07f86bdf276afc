import { sentTally } from '../../migration/source.ts';
import type { RunReport } from '../../runtime/report.ts';
import { bytesOf, pagesOf } from '../../wire/tally.ts';
import type { DrawnRun } from './draw.ts';

/** Says for each side whether its vCPUs may run when the run has ended. */
export interface Sides {
  readonly source: boolean;
  readonly destination: boolean;
}

/** Returns a sentence for each thing that is wrong with a run that has ended; an empty list if all is well. */
export function findProblems(
  { config, trouble }: DrawnRun,
  report: RunReport,
  sides: Sides,
): string[] {
  const { source, proof } = report;
  const found: string[] = [];
  const expect = (isTrue: boolean, what: string): void => {
    if (!isTrue) found.push(what);
  };
  const isMoved = source.outcome === 'completed';
  expect(
    !source.guestLost || mayLose(trouble, report),
    `the guest was lost without a reason: ${source.error}`,
  );
  expect(!(isMoved && source.guestLost), 'the run completed, but says that the guest was lost');
  if (!source.guestLost) {
    expect(sides.source !== sides.destination, `the guest runs on ${count(sides)} sides`);
    expect(
      sides.destination === isMoved,
      `the outcome is ${source.outcome}, but the guest runs on the other side`,
    );
    expect(proof?.ok === true, `the guest was not proved: ${JSON.stringify(proof)}`);
  } else {
    expect(!sides.source, 'the guest was lost, but it runs on at the source');
  }
  if (['none', 'stall', 'delays'].includes(trouble.kind)) {
    expect(
      isMoved || source.outcome === 'diverged',
      `the run ended ${source.outcome}: ${source.error}`,
    );
  }
  found.push(
    ...sums(report, {
      mayLoseCopies: trouble.kind === 'outage' && mayRepeat(config.migration),
      hasBuffer: config.link.sendBufferBytes !== undefined,
    }),
    ...times(config, report),
  );
  return found;
}

/** Whether a page may be sent that has been sent already, or a reference again to which the answer was lost. */
const mayRepeat = ({ pageOrder, encodings }: DrawnRun['config']['migration']): boolean =>
  pageOrder === 'twice' || encodings.includes('reference');

/** True when the trouble may lose the guest: no side is left that could report its state or recover it. */
function mayLose(trouble: DrawnRun['trouble'], { source }: RunReport): boolean {
  if (trouble.kind === 'cut' || trouble.kind === 'death') return true;
  if (trouble.kind !== 'outage') return false;
  const { list, recoverWithinNs, deathNs } = trouble;
  // In pre-copy the outage may swallow the RUN frame or its answer RUNNING, which can't be recovered.
  if (!source.postcopy || recoverWithinNs === undefined || deathNs !== undefined) return true;
  return list.some(({ forNs }) => forNs >= recoverWithinNs);
}

/** Returns how many pages were sent and did not arrive; 0 when the connection was never lost. */
function lostPages({ source, destination }: RunReport): number {
  if ((source.postcopy?.pauses ?? []).length === 0 || !destination) return 0;
  return pagesOf(sentTally(source)) - pagesOf(destination.tally);
}

/** Returns how many pages the source has sent again, after they were lost with a connection. */
const resentPages = ({ source }: RunReport): number =>
  (source.postcopy?.pauses ?? []).reduce((sum, pause) => sum + pause.resentPages, 0);

/** Returns on how many sides the guest runs. */
const count = ({ source, destination }: Sides): number => Number(source) + Number(destination);

/** Checks that the figures of pages and bytes add up. Returns a sentence for each that does not. */
function sums(
  report: RunReport,
  { mayLoseCopies, hasBuffer }: { readonly mayLoseCopies: boolean; readonly hasBuffer: boolean },
): string[] {
  const { source, destination, guest } = report;
  const found: string[] = [];
  const sum = (of: (round: RunReport['source']['rounds'][number]) => number): number =>
    source.rounds.reduce((total, round) => total + of(round), 0);
  const pushedBytes = source.postcopy?.bytes ?? 0;
  const pageBytes = source.precopyBytes + source.downtimeBytes;
  if (sum((round) => round.bytes) !== pageBytes) found.push('rounds do not sum to the bytes');
  if (source.linkBytes < pageBytes + pushedBytes) found.push('fewer bytes on the link than pages');
  const tally = sentTally(source);
  const sent = pagesOf(tally);
  if (bytesOf(tally) > pageBytes + pushedBytes) found.push('more bytes in pages than in frames');
  if (source.outcome !== 'completed') return found;
  const skipped = source.releasedPages + (source.hints?.skippedPages ?? 0);
  if (sent + skipped < guest.pages) found.push(`sent ${sent} pages of ${guest.pages}`);
  if (source.unsentPages !== 0) found.push(`${source.unsentPages} pages were never sent`);
  const installed = destination ? pagesOf(destination.tally) : 0;
  const resent = resentPages(report);
  // When a page was sent twice and one copy is lost, that copy is not sent again.
  // What a buffer held when the connection was lost is sent again, without having been sent before.
  const isRight =
    (installed === sent - resent || mayLoseCopies || hasBuffer) &&
    installed <= (hasBuffer ? sent : sent - resent);
  if (!isRight) found.push(`${sent} pages sent, ${resent} again, ${installed} arrived`);
  return found;
}

/**
 * Checks that the run was no faster than its link and no slower than its limits allow. Returns a
 * sentence for each violation.
 */
function times({ link, migration }: DrawnRun['config'], report: RunReport): string[] {
  const { source } = report;
  const found: string[] = [];
  const { running, stop } = source;
  const perByteNs = 1e9 / link.bytesPerSecond;
  const tookNs = source.endNs - source.startNs;
  const bytes = source.precopyBytes + source.downtimeBytes + (source.postcopy?.bytes ?? 0);
  if (tookNs < 0) found.push('it ended before it began');
  if (source.outcome !== 'completed') {
    // After the timeout, the sides may wait for a silent peer, a last answer, and frames under way.
    const mostNs = migration.timeoutNs + 120e9 + bytes * perByteNs;
    if (tookNs > mostNs && migration.timeoutAction !== 'ignore') {
      found.push('the run gave up too late');
    }
    return found;
  }
  // The run is over when every page is present. It does not wait for second copies, nor for frames
  // that were queued when their connection was lost.
  const idle = (report.destination?.droppedPages ?? 0) + lostPages(report);
  const late = idle * report.guest.pageSize * 1.1;
  // A sender may be ahead of the link by its rate limiter's horizon.
  if (tookNs < (bytes - late) * perByteNs - 4e6) {
    found.push(`${bytes} bytes arrived faster than the link allows`);
  }
  const downtimeNs = (running?.runningNs ?? 0) - (stop.pauseAskedNs ?? 0);
  const leastNs = source.downtimeBytes * perByteNs + link.latencyNs - 2e6;
  if (downtimeNs < leastNs) found.push('the downtime is too short for the bytes sent in it');
  return found;
}
