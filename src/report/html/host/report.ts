import type { HostResult } from '../../../fleet/host/result-schema.ts';
import type { Block, Report, Table, Tone } from '../model.ts';
import { countText, mostOf, msText, percentText, plural, sizeText } from '../words.ts';
import { guestCharts, hostChart, statesChart } from './charts.ts';
import { migrationBlocks } from './migrations.ts';

/** Returns the report of an overcommitted host. */
export function hostReport(result: HostResult): Report {
  const { host, guests, series, version, clock } = result;
  const name = result.scenario['name'];
  const { sharing, paging } = host;
  const ballooned = series.timesMs.map((_, at) =>
    series.guests.reduce((sum, { balloonedBytes }) => sum + (balloonedBytes[at] ?? 0), 0),
  );
  return {
    kind: 'Overcommitted host in virtual time',
    title: `${typeof name === 'string' ? `${name}: ` : ''}${plural(guests.length, 'guest')} on ${sizeText(host.memoryBytes)}`,
    answer: answerOf(result),
    tone: toneOf(result),
    facts: [
      { label: 'promised', value: percentText(host.commitment), detail: 'of the host’s memory' },
      { label: 'least that was free', value: sizeText(host.minFreeBytes) },
      ...(sharing
        ? [{ label: 'most that sharing saved', value: sizeText(mostOf(series.reclaimedBytes)) }]
        : []),
      { label: 'most in balloons', value: sizeText(mostOf(ballooned)) },
      {
        label: 'written to swap',
        value: sizeText(paging.writtenBytes),
        detail: `${sizeText(paging.readBytes)} read`,
      },
    ],
    sections: [
      {
        title: 'Over time',
        blocks: [
          ...(series.timesMs.length > 0 ? [figure(hostChart(result))] : []),
          ...(result.durationMs > 0 ? [figure(statesChart(result))] : []),
        ],
      },
      {
        title: 'Guests',
        blocks: [
          ...(guests.length > 1
            ? [{ kind: 'figures' as const, figures: guestCharts(result) }]
            : []),
          {
            kind: 'table',
            caption: 'All guests, as they were last',
            table: guestsTable(result),
            isFilterable: true,
          },
        ],
      },
      ...sectionOf('Migrations', migrationBlocks(result)),
      {
        title: 'What the host did',
        blocks: [
          { kind: 'table', caption: 'Pages', table: hostTable(result) },
          { kind: 'table', caption: 'States of its memory', table: statesTable(result) },
        ],
      },
      { title: 'Proof', blocks: proofBlocks(result) },
    ],
    origin: [`Pageferry ${version}, clock: ${clock}`],
  };
}

/** A section, unless there is nothing in it. */
const sectionOf = (title: string, blocks: readonly Block[]): Report['sections'] =>
  blocks.length > 0 ? [{ title, blocks }] : [];

const figure = (one: ReturnType<typeof hostChart> | ReturnType<typeof statesChart>): Block => ({
  kind: 'figure',
  figure: one,
});

function toneOf({ outcome, ok }: HostResult): Tone {
  if (ok === false || outcome !== 'completed') return 'bad';
  return ok ? 'good' : 'plain';
}

function answerOf(result: HostResult): string {
  const { guests, host, durationMs, outcome, error, ok, series } = result;
  if (ok === false) return 'The host’s memory is not what it must be: see the proof.';
  const ended =
    outcome === 'completed' ? '' : ` The host did not live to its end: ${error ?? outcome}.`;
  const calmMs = host.timeMs['high'] ?? 0;
  const pressed = durationMs - calmMs;
  const pressure =
    pressed > 0
      ? `was short of memory for ${msText(pressed)} of ${msText(durationMs)}`
      : `was never short of memory in ${msText(durationMs)}`;
  const saved = series.reclaimedBytes.at(-1) ?? 0;
  const last = (key: 'balloonedBytes' | 'swappedBytes'): number =>
    series.guests.reduce((sum, one) => sum + (one[key].at(-1) ?? 0), 0);
  const were = guests.length === 1 ? 'was' : 'were';
  return `The host, whose ${plural(guests.length, 'guest')} ${were} promised ${percentText(host.commitment)} of its memory, ${pressure}. At the end balloons had ${sizeText(last('balloonedBytes'))}, sharing saved ${sizeText(saved)}, and ${sizeText(last('swappedBytes'))} were swapped out.${ended}`;
}

type Guest = HostResult['guests'][number];

/** Columns of which a guest has a value only if its file says so; those that no guest has are left out. */
const RARE: readonly (readonly [string, (guest: Guest) => string])[] = [
  ['starts at', ({ startMs }) => (startMs > 0 ? msText(startMs) : '')],
  ['stops at', ({ stopMs }) => (stopMs === undefined ? '' : msText(stopMs))],
  ['resets at', ({ resetMs }) => (resetMs === undefined ? '' : msText(resetMs))],
  ['pages popped', ({ popped }) => (popped === undefined ? '' : countText(popped))],
];

/** What the table has of each guest as it was at the end, or when it stopped. */
const LAST = [
  ['allocated', 'allocatedBytes'],
  ['active', 'activeBytes'],
  ['ballooned', 'balloonedBytes'],
  ['shared', 'sharedBytes'],
  ['swapped out', 'swappedBytes'],
] as const;

function guestsTable({ guests, series }: HostResult): Table {
  const rare = RARE.filter(([, textOf]) => guests.some((guest) => textOf(guest) !== ''));
  const numbers = [
    'memory',
    'minimum',
    'shares',
    ...LAST.map(([name]) => name),
    'to own disk',
    'accesses/s',
    ...rare.map(([name]) => name),
  ];
  return {
    columns: [{ name: 'guest' }, ...numbers.map((name) => ({ name, isNumber: true }))],
    rows: guests.map((guest, index) => [
      guest.verify?.ok === false
        ? { text: `${guest.name}: differs`, tone: 'bad' as const }
        : guest.name,
      sizeText(guest.memoryBytes),
      sizeText(guest.minBytes),
      countText(guest.shares),
      ...LAST.map(([, key]) => lastOf(series.guests[index]![key])),
      plural(guest.pagedOut, 'page'),
      countText(guest.accessesPerSecond),
      ...rare.map(([, textOf]) => textOf(guest)),
    ]),
  };
}

function lastOf(values: readonly (number | null)[]): string {
  const value = values.findLast((one) => one !== null);
  return value === undefined || value === null ? '' : sizeText(value);
}

function hostTable({ host: { sharing, paging } }: HostResult): Table {
  const rows: (readonly [string, number])[] = [
    ...(sharing
      ? ([
          ['scanned for equal ones', sharing.scanned],
          ['shared', sharing.shared],
          ['copied because a sharer wrote', sharing.copied],
          ['taken over by their last sharer', sharing.takenOver],
          ['hints that were stale', sharing.staleHints],
          ['false matches of hashes', sharing.falseMatches],
        ] as const)
      : []),
    ['shared in place of being paged out', paging.sharedInstead],
    ['paged out', paging.swappedOut],
    ['brought in', paging.swappedIn],
    ['zeroed at their first touch', paging.zeroed],
  ];
  return {
    columns: [{ name: 'what' }, { name: 'pages', isNumber: true }],
    rows: rows.map(([what, count]) => [what, countText(count)]),
  };
}

function statesTable({ host, durationMs }: HostResult): Table {
  return {
    columns: [
      { name: 'state' },
      { name: 'time', isNumber: true },
      { name: 'share', isNumber: true },
      { name: 'times entered', isNumber: true },
    ],
    rows: Object.entries(host.timeMs).map(([state, ms]) => [
      state,
      msText(ms),
      durationMs > 0 ? percentText(ms / durationMs) : '',
      countText(host.states.filter((one) => one.state === state).length),
    ]),
  };
}

function proofBlocks({ guests, problems, ok }: HostResult): Block[] {
  if (ok === undefined) return [{ kind: 'text', text: 'Nobody proved the guests’ memory.' }];
  const pages = guests.reduce((sum, { verify }) => sum + (verify?.pagesCompared ?? 0), 0);
  if (ok) {
    return [
      {
        kind: 'text',
        text: `All ${countText(pages)} pages of ${plural(guests.length, 'guest')} are what a replay of their accesses makes them, and the host’s records agree.`,
      },
    ];
  }
  const differing = guests.flatMap(({ name, verify }) =>
    verify?.ok === false ? [`${name}: ${plural(verify.differingPages ?? 0, 'page')} differ.`] : [],
  );
  return [...differing, ...problems].map((text): Block => ({ kind: 'warning', text }));
}
