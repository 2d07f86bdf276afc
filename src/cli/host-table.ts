import type { HostResult } from '../fleet/host/result-schema.ts';
import type { MemoryState } from '../overcommit/memory-state.ts';
import { formatDuration } from '../units/duration.ts';
import { formatSize } from '../units/size.ts';
import { colours } from './colours.ts';
import { type Column, layOut, lineWidth } from './columns.ts';
import { condense, formatCount, sparkline } from './format.ts';
import { STATE_COLOURS } from './host-live.ts';

/** Guest, memory, allocated, target, active, ballooned, shared, swapped, paged, accesses a second. */
const COLUMNS: readonly Column[] = [Infinity, 10, 9, 3, 8, 7, 6, 5, 2, 4].map((weight) => ({
  weight,
}));
const HEAD = [
  'guest',
  'memory',
  'allocated',
  'target',
  'active',
  'ballooned',
  'shared',
  'swapped',
  'own disk',
  'accesses/s',
];
const NONE = '–';

/** Formats the summary that is printed after a host has lived. */
export function hostSummary(result: HostResult): string {
  const lines = [
    headline(result),
    '',
    ...guestTable(result),
    '',
    statesLine(result),
    ...sharingLine(result),
    pagingLine(result),
    ...migrationLines(result),
    ...allocationLines(result),
    proofLine(result),
  ];
  return `${lines.join('\n')}\n`;
}

const time = (ms: number): string => (ms === 0 ? '0 s' : formatDuration(ms * 1e6));

function headline({ scenario, outcome, durationMs, host, guests, error }: HostResult): string {
  const name = typeof scenario['name'] === 'string' ? scenario['name'] : 'host';
  const size = formatSize(host.memoryBytes);
  const percent = (host.commitment * 100).toFixed(0);
  const what = `${guests.length} guests with ${percent} % of the host's ${size}, ${time(durationMs)}`;
  if (outcome === 'completed') return `${colours.bold(name)}: ${what}`;
  return `${colours.bold(name)}: ${what}, ${colours.red(error ?? outcome)}`;
}

function guestTable({ guests, series }: HostResult): string[] {
  const rows = guests.map((guest, index) => {
    const own = series.guests[index]!;
    const last = (values: readonly (number | null)[]): string => {
      const value = values.findLast((one) => one !== null);
      return value === undefined || value === null ? NONE : formatSize(value);
    };
    const { pagedOut, pagedIn } = guest;
    return [
      guest.name,
      formatSize(guest.memoryBytes),
      last(own.allocatedBytes),
      last(own.targetBytes),
      last(own.activeBytes),
      last(own.balloonedBytes),
      last(own.sharedBytes),
      last(own.swappedBytes),
      pagedOut + pagedIn === 0 ? NONE : `${formatCount(pagedOut)} out, ${formatCount(pagedIn)} in`,
      formatCount(Math.round(guest.accessesPerSecond)),
    ];
  });
  const [title = '', ...body] = layOut(COLUMNS, [HEAD, ...rows], lineWidth(process.stdout));
  return [
    colours.dim(title),
    ...body.map((line, index) =>
      guests[index]!.verify?.ok === false ? colours.red(`${line}  DIFFERS`) : line,
    ),
  ];
}

function statesLine({ host }: HostResult): string {
  const parts = Object.entries(host.timeMs)
    .filter(([, ms]) => ms > 0)
    .map(([state, ms]) => `${STATE_COLOURS[state as MemoryState](state)} ${time(ms)}`);
  return `state of memory: ${parts.join(', ')}; at least ${formatSize(host.minFreeBytes)} free`;
}

function sharingLine({ host: { sharing }, series }: HostResult): string[] {
  if (!sharing) return [];
  const saved = formatSize(series.reclaimedBytes.at(-1) ?? 0);
  const { scanned, shared, copied, takenOver } = sharing;
  return [
    `sharing: saves ${saved}; ${formatCount(scanned)} pages scanned, ${formatCount(shared)} shared, ${formatCount(copied + takenOver)} written since`,
  ];
}

function pagingLine({ host: { paging } }: HostResult): string {
  const { swappedOut, swappedIn, sharedInstead } = paging;
  const instead = sharedInstead > 0 ? `, ${formatCount(sharedInstead)} shared instead` : '';
  return `host's swap: ${formatCount(swappedOut)} pages out, ${formatCount(swappedIn)} in${instead}`;
}

/** Says of each migration how long it took, and what both hosts needed for it. */
function migrationLines({ migrations = [] }: HostResult): string[] {
  return migrations.map(({ guest, from, to, refusal, run, swappedPages, usedBytes }) => {
    const way = `${guest}: ${from} → ${to}`;
    if (!run) return colours.red(`${way}: ${refusal ?? 'not over'}`);
    if (run.outcome !== 'completed') return colours.red(`${way}: ${run.error ?? run.outcome}`);
    const parts = [
      `${time(run.totalTimeMs)}, ${time(run.downtimeMs ?? 0)} of downtime`,
      `${formatSize(run.ram.transferred)} sent`,
      ...(swappedPages === undefined
        ? []
        : [`${formatCount(swappedPages)} pages stayed in the swap store`]),
      ...(usedBytes ? [`both hosts used ${formatSize(usedBytes.peak)} at most`] : []),
    ];
    return `${way}: ${parts.join('; ')}`;
  });
}

const SPARK_WIDTH = 40;

/** Draws how much memory each guest had over time. */
function allocationLines({ series, guests }: HostResult): string[] {
  const room = Math.min(SPARK_WIDTH, lineWidth(process.stdout) - 24);
  if (series.timesMs.length < 3 || room < 8 || guests.length > 12) return [];
  const rows = series.guests.map(({ name, allocatedBytes }) => [
    `  ${name}`,
    sparkline(
      condense(
        allocatedBytes.map((value) => value ?? 0),
        room,
      ),
    ),
  ]);
  const columns: Column[] = [{ weight: Infinity }, { weight: 1, align: 'left' }];
  return ['allocated over time:', ...layOut(columns, rows, lineWidth(process.stdout))];
}

function proofLine({ guests, problems, ok }: HostResult): string {
  if (ok === undefined) return 'not proved';
  const pages = guests.reduce((sum, { verify }) => sum + (verify?.pagesCompared ?? 0), 0);
  if (ok) {
    return colours.green(
      `proved: all ${formatCount(pages)} pages of ${guests.length} guests are what their accesses make them`,
    );
  }
  const differing = guests.filter(({ verify }) => verify?.ok === false).map(({ name }) => name);
  const who = differing.length > 0 ? [`${differing.join(', ')} differ`] : [];
  return colours.red(`NOT PROVED: ${[...who, ...problems].join('; ')}`);
}
