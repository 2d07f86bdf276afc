import { sentTally } from '../../migration/source.ts';
import type { RunReport } from '../../runtime/report.ts';
import { bytesOf, pagesOf } from '../../wire/tally.ts';
import type { Drawn } from './draw.ts';

/** Which side's vCPUs may run at the end. */
export interface Sides {
  readonly source: boolean;
  readonly destination: boolean;
}

/** What is wrong with a run's end; empty when nothing is. */
export function wrongs({ config, trouble }: Drawn, report: RunReport, sides: Sides): string[] {
  const { source, proof } = report;
  const found: string[] = [];
  const expect = (isTrue: boolean, what: string): void => {
    if (!isTrue) found.push(what);
  };
  const isMoved = source.outcome === 'completed';
  expect(!source.guestLost || mayLose(trouble, report), `lost for no reason: ${source.error}`);
  expect(!(isMoved && source.guestLost), 'completed and lost');
  if (!source.guestLost) {
    expect(sides.source !== sides.destination, `runs on ${count(sides)} sides`);
    expect(sides.destination === isMoved, `${source.outcome}, but the guest runs elsewhere`);
    expect(proof?.ok === true, `not proved: ${JSON.stringify(proof)}`);
  } else {
    expect(!sides.source, 'lost, but the source goes on');
  }
  if (['none', 'stall', 'delays'].includes(trouble.kind)) {
    expect(isMoved || source.outcome === 'diverged', `ended ${source.outcome}: ${source.error}`);
  }
  found.push(
    ...sums(report, trouble.kind === 'outage' && config.migration.pageOrder === 'twice'),
    ...times(config, report),
  );
  return found;
}

/** A guest may be lost when nobody is left who could tell, or recover, what became of it. */
function mayLose(trouble: Drawn['trouble'], { source }: RunReport): boolean {
  if (trouble.kind === 'cut' || trouble.kind === 'death') return true;
  if (trouble.kind !== 'outage') return false;
  const { list, recoverWithinNs, deathNs } = trouble;
  // RUN, or RUNNING, of a pre-copy was lost.
  if (!source.postcopy || recoverWithinNs === undefined || deathNs !== undefined) return true;
  return list.some(({ forNs }) => forNs >= recoverWithinNs);
}

/** Pages that were sent and did not arrive. */
function lostPages({ source, destination }: RunReport): number {
  if ((source.postcopy?.pauses ?? []).length === 0 || !destination) return 0;
  return pagesOf(sentTally(source)) - pagesOf(destination.tally);
}

/** Pages that were lost with their connection, as far as the source has sent them again. */
const resentPages = ({ source }: RunReport): number =>
  (source.postcopy?.pauses ?? []).reduce((sum, pause) => sum + pause.resentPages, 0);

const count = ({ source, destination }: Sides): number => Number(source) + Number(destination);

/** The figures add up. */
function sums(report: RunReport, mayLoseCopies: boolean): string[] {
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
  if (sent + source.releasedPages < guest.pages) found.push(`sent ${sent} pages of ${guest.pages}`);
  if (source.unsentPages !== 0) found.push(`${source.unsentPages} pages were never sent`);
  const installed = destination ? pagesOf(destination.tally) : 0;
  const resent = resentPages(report);
  // Of a page that was sent twice one copy may be lost, which nobody sends again.
  const isRight = mayLoseCopies ? installed <= sent - resent : installed === sent - resent;
  if (!isRight) found.push(`${sent} pages sent, ${resent} again, ${installed} arrived`);
  return found;
}

/** No faster than the link, no slower than its bounds allow. */
function times({ link, migration }: Drawn['config'], report: RunReport): string[] {
  const { source } = report;
  const found: string[] = [];
  const { running, stop } = source;
  const perByteNs = 1e9 / link.bytesPerSecond;
  const tookNs = source.endNs - source.startNs;
  const bytes = source.precopyBytes + source.downtimeBytes + (source.postcopy?.bytes ?? 0);
  if (tookNs < 0) found.push('it ended before it began');
  if (source.outcome !== 'completed') {
    // Patience, a last answer and what is under way come on top.
    const mostNs = migration.timeoutNs + 120e9 + bytes * perByteNs;
    if (tookNs > mostNs && migration.timeoutAction !== 'ignore') found.push('gave up too late');
    return found;
  }
  // It is over when every page is there; copies that come later were not waited for, nor was what
  // stood in line when its connection was lost.
  const idle = (report.destination?.droppedPages ?? 0) + lostPages(report);
  const late = idle * report.guest.pageSize * 1.1;
  // A sender may be ahead of the link by its horizon.
  if (tookNs < (bytes - late) * perByteNs - 4e6) found.push(`${bytes} bytes faster than the link`);
  const downtimeNs = (running?.runningNs ?? 0) - (stop.pauseAskedNs ?? 0);
  const leastNs = source.downtimeBytes * perByteNs + link.latencyNs - 2e6;
  if (downtimeNs < leastNs) found.push('a downtime below its bytes');
  return found;
}
