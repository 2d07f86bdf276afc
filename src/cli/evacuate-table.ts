import type { EvacuationReport } from '../fleet/evacuation/report.ts';
import type { EvacuationResult, GuestResult } from '../fleet/evacuation/result-schema.ts';
import { formatDuration } from '../units/duration.ts';
import { formatSize } from '../units/size.ts';
import { colours } from './colours.ts';
import { type Column, layOut, lineWidth } from './columns.ts';
import { formatCount, formatMs, formatShare } from './format.ts';
import { hostLines, linkLines } from './use-lines.ts';

const time = (ms: number): string => (ms === 0 ? '0 s' : formatDuration(ms * 1e6));
const NONE = '–';

/** Formats the summary that is printed after an evacuation. */
export function evacuationSummary(
  result: EvacuationResult,
  wall?: EvacuationReport['wall'],
): string {
  const width = lineWidth(process.stdout);
  const lines = [
    headline(result),
    limitsLine(result),
    '',
    ...guestTable(result),
    '',
    ...reasons(result),
    ...totals(result),
    ...linkLines(result, width),
    ...hostLines(result, width),
    proofLine(result),
    ...speedLine(result, wall),
  ];
  return `${lines.join('\n')}\n`;
}

function headline({ scenario, source, emptied, makespanMs, outcomes, guests }: EvacuationResult) {
  const name = typeof scenario['name'] === 'string' ? scenario['name'] : 'evacuation';
  const took = time(makespanMs);
  const stayed = guests.length - outcomes.completed;
  const what = emptied
    ? colours.green(`${source} is empty after ${took}`)
    : colours.red(
        `${source} is not empty after ${took}: ${stayed} of ${guests.length} guests ${stayed === 1 ? 'is' : 'are'} still there`,
      );
  return `${colours.bold(name)}: ${what}`;
}

function limitsLine({ limits, scenario, guests }: EvacuationResult): string {
  const { outgoing, incoming, cluster, inBatches } = limits;
  const parts = [
    ...(outgoing === undefined ? [] : [`${outgoing} from the host`]),
    ...(incoming === undefined ? [] : [`${incoming} to one host`]),
    ...(cluster === undefined ? [] : [`${cluster} in all`]),
  ];
  const most = parts.length > 0 ? `at most ${parts.join(', ')} at a time` : 'any number at a time';
  return `${guests.length} guests, ${most}${inBatches ? ', in batches' : ''}, order ${String(scenario['order'])}`;
}

/** Guest, to, waited, took, downtime, sent, rounds, slow-down, remarks. */
const GUEST_COLUMNS: readonly Column[] = [Infinity, 5, 3, 6, 7, 4, 1, 2, 8].map((weight) => ({
  weight,
}));

function guestTable({ guests }: EvacuationResult): string[] {
  const head = ['guest', 'to', 'waited', 'took', 'downtime', 'sent', 'rounds', 'slow-down', ''];
  const rows = guests.map((guest) => {
    const { name, target = NONE, waitingMs, startMs, endMs, run, slowdown } = guest;
    return [
      name,
      target,
      time(waitingMs),
      startMs === undefined || endMs === undefined ? NONE : time(endMs - startMs),
      run?.downtimeMs === undefined ? NONE : formatMs(run.downtimeMs),
      run ? formatSize(run.link.bytes) : NONE,
      run ? String(run.rounds.filter(({ stopped }) => !stopped).length) : NONE,
      slowdown === undefined ? NONE : formatShare(slowdown),
      endOf(guest),
    ];
  });
  const [title = '', ...body] = layOut(GUEST_COLUMNS, [head, ...rows], lineWidth(process.stdout));
  return [
    colours.dim(title),
    ...body.map((line, index) =>
      guests[index]!.outcome === 'completed' ? line : colours.red(line),
    ),
  ];
}

/** Returns the remarks on a guest's end that the figures don't show. */
function endOf({ outcome, wasForced, missedDeadline, run }: GuestResult): string {
  const parts = [
    ...(outcome === 'completed' ? [] : [run?.guestLost ? `${outcome}, guest lost` : outcome]),
    ...(wasForced ? ['forced'] : []),
    ...(missedDeadline ? ['too late'] : []),
    ...(run?.verify?.ok === false ? ['DIFFERS'] : []),
  ];
  return parts.join(', ');
}

/** When more guests than this have stayed, the reasons of the others are left to the result's file. */
const MOST_REASONS = 8;

/** Says why guests have stayed; guests with the same reason share a line. */
function reasons({ guests }: EvacuationResult): string[] {
  const names = new Map<string, string[]>();
  for (const { name, run } of guests) {
    if (run?.error === undefined) continue;
    names.set(run.error, [...(names.get(run.error) ?? []), name]);
  }
  const lines = [...names].map(([error, stayed]) => `${colours.red(stayed.join(', '))}: ${error}`);
  const left = lines.length - MOST_REASONS;
  if (left <= 0) return lines;
  const more = `… and ${left} more, whose reasons stand in the result (-o FILE)`;
  return [...lines.slice(0, MOST_REASONS), colours.dim(more)];
}

function totals(result: EvacuationResult): string[] {
  const { downtimeMs, waitingMs, bytes, slowdown, forced, missedDeadlines, references } = result;
  const lines = [
    downtimeMs
      ? `downtime ${formatMs(downtimeMs.sum)} in all, median ${formatMs(downtimeMs.median)}, longest ${formatMs(downtimeMs.max)}`
      : 'no guest was stopped to move',
    `waiting ${time(waitingMs.mean)} on average, longest ${time(waitingMs.max)}; sent ${formatSize(bytes)}`,
  ];
  if (references) {
    const { pages, missedPages, tables } = references;
    const size = sumOf(tables.map((table) => table.bytes));
    const missed = missedPages > 0 ? `, ${formatCount(missedPages)} of which did not hold` : '';
    lines.push(
      `${formatCount(pages)} pages went by reference in ${formatSize(references.bytes)}${missed}; what was sent is remembered in ${formatSize(size)}`,
    );
  }
  if (slowdown) {
    lines.push(
      `while it migrates a guest does ${formatShare(slowdown.mean)} less on average, ${formatShare(slowdown.max)} at most`,
    );
  }
  if (forced > 0) lines.push(`${forced} did not converge and ${were(forced)} forced to an end`);
  if (missedDeadlines > 0) {
    lines.push(colours.yellow(`${missedDeadlines} ${were(missedDeadlines)} too late`));
  }
  return lines;
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0);
const were = (count: number): string => (count === 1 ? 'was' : 'were');

function proofLine({ guests }: EvacuationResult): string {
  const wrong = guests.filter(({ run }) => run?.verify?.ok === false);
  if (wrong.length > 0) {
    return colours.red(`BYTES DIFFER in ${wrong.map(differenceOf).join('; ')}`);
  }
  const proved = guests.filter(({ run }) => run?.verify?.ok === true);
  const withBytes = proved.filter(({ run }) => backingOf(run) !== 'versions').length;
  const withVersions = proved.length - withBytes;
  const parts = [
    ...(withBytes > 0 ? [`every byte of ${guestsOf(withBytes)}`] : []),
    ...(withVersions > 0 ? [`the versions of all pages of ${guestsOf(withVersions)}`] : []),
  ];
  const left = guests.filter(({ run }) => run !== undefined).length - proved.length;
  const unproved = left > 0 ? `; ${guestsOf(left)} not proved` : '';
  if (parts.length === 0) return colours.yellow('no guest is proved');
  const text = `proved: ${parts.join(' and ')}${unproved}`;
  return left > 0 ? colours.yellow(text) : colours.green(text);
}

const guestsOf = (count: number): string => `${count} guest${count === 1 ? '' : 's'}`;

function backingOf(run: GuestResult['run']): unknown {
  return (run?.scenario['guest'] as { backing?: unknown } | undefined)?.backing;
}

function differenceOf({ name, run }: GuestResult): string {
  const first = run?.verify?.firstDifference;
  const count = run?.verify?.differingPages ?? 0;
  const pages = `${count} page${count === 1 ? '' : 's'}`;
  return first
    ? `${name} (${pages}, first at gfn ${first.gfn}, byte ${first.offset})`
    : `${name} (${pages})`;
}

/** Returns a line with the real time that a virtual evacuation took. */
function speedLine({ makespanMs }: EvacuationResult, wall: EvacuationReport['wall']): string[] {
  if (!wall || !(wall.ns > 0)) return [];
  const times = ((makespanMs * 1e6) / wall.ns).toFixed(1);
  return [
    colours.dim(
      `emulated in ${time(wall.ns / 1e6)}, ${times} times as fast as in real time; ${formatCount(wall.events)} events`,
    ),
  ];
}

/** The columns that tell most stay on a narrow terminal; those of equal weight go from the last on. */
const PARALLEL_COLUMNS: readonly Column[] = [Infinity, 9, 8, 2, 7, 6, 5, 3, 1, 4, 10].map(
  (weight) => ({ weight }),
);

/** Formats a table of evacuations, a row for each number of guests that migrate at a time. */
export function parallelTable(
  results: readonly { at: number; result: EvacuationResult }[],
): string {
  const head = [
    'at a time',
    'empty after',
    'all downtimes',
    'median',
    'longest',
    'sent',
    'longest wait',
    'slow-down',
    'at most',
    'forced',
    'stayed',
  ];
  const rows = results.map(({ at, result }) => {
    const { makespanMs, downtimeMs, bytes, waitingMs, slowdown, outcomes, guests } = result;
    return [
      String(at),
      time(makespanMs),
      downtimeMs ? formatMs(downtimeMs.sum) : NONE,
      downtimeMs ? formatMs(downtimeMs.median) : NONE,
      downtimeMs ? formatMs(downtimeMs.max) : NONE,
      formatSize(bytes),
      time(waitingMs.max),
      slowdown ? formatShare(slowdown.mean) : NONE,
      slowdown ? formatShare(slowdown.max) : NONE,
      String(result.forced),
      String(guests.length - outcomes.completed),
    ];
  });
  const width = lineWidth(process.stdout);
  const [title = '', ...body] = layOut(PARALLEL_COLUMNS, [head, ...rows], width);
  const wrong = results.filter(({ result }) =>
    result.guests.some(({ run }) => run?.verify?.ok === false),
  );
  const differs = wrong.map(({ at, result }) =>
    colours.red(`${at} at a time: ${proofLine(result)}`),
  );
  return `${[colours.dim(title), ...body, ...differs].join('\n')}\n`;
}
