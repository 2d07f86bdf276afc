import type { RunReport } from '../../runtime/report.ts';
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
  expect(
    !source.guestLost || trouble.kind === 'cut' || trouble.kind === 'death',
    'lost for no reason',
  );
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
  found.push(...sums(report), ...times(config, report));
  return found;
}

const count = ({ source, destination }: Sides): number => Number(source) + Number(destination);

/** The figures add up. */
function sums({ source, destination, guest }: RunReport): string[] {
  const found: string[] = [];
  const sum = (of: (round: RunReport['source']['rounds'][number]) => number): number =>
    source.rounds.reduce((total, round) => total + of(round), 0);
  const pushed = source.postcopy ?? { bytes: 0, rawPages: 0, zeroPages: 0 };
  const pageBytes = source.precopyBytes + source.downtimeBytes;
  if (sum((round) => round.bytes) !== pageBytes) found.push('rounds do not sum to the bytes');
  if (source.linkBytes < pageBytes + pushed.bytes) found.push('fewer bytes on the link than pages');
  const sent =
    sum((round) => round.rawPages + round.zeroPages) + pushed.rawPages + pushed.zeroPages;
  const raw = sum((round) => round.rawPages) + pushed.rawPages;
  if (raw * guest.pageSize > pageBytes + pushed.bytes) found.push('more raw pages than bytes');
  if (source.outcome !== 'completed') return found;
  if (sent + source.releasedPages < guest.pages) found.push(`sent ${sent} pages of ${guest.pages}`);
  if (source.unsentPages !== 0) found.push(`${source.unsentPages} pages were never sent`);
  const installed = (destination?.rawPages ?? 0) + (destination?.zeroPages ?? 0);
  if (installed !== sent) found.push(`${sent} pages sent, ${installed} arrived`);
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
  // It is over when every page is there; copies that come later were not waited for.
  const late = (report.destination?.droppedPages ?? 0) * report.guest.pageSize * 1.1;
  // A sender may be ahead of the link by its horizon.
  if (tookNs < (bytes - late) * perByteNs - 4e6) found.push(`${bytes} bytes faster than the link`);
  const downtimeNs = (running?.runningNs ?? 0) - (stop.pauseAskedNs ?? 0);
  const leastNs = source.downtimeBytes * perByteNs + link.latencyNs - 2e6;
  if (downtimeNs < leastNs) found.push('a downtime below its bytes');
  return found;
}
