import type { EvacuationResult, GuestResult } from '../../fleet/evacuation/result-schema.ts';
import { formatBitRate } from '../../units/rate.ts';
import { barsOf, KINDS } from '../gantt-bars.ts';
import type { Colour, FigureRow, RowsFigure, XyFigure } from './chart/figure.ts';
import { seriesColour } from './chart/palette.ts';
import type { Block, Cell, Report, Table } from './model.ts';
import { countText, msText, percentText, plural, sizeText, timeUnit } from './words.ts';

/** A chart of guests has at most so many rows; the table has all of them. */
const MOST_ROWS = 120;
/** Rounds that are narrower than a pixel of a wide screen are joined. */
const PIXELS = 1200;
const COLOURS: Readonly<Record<string, Colour>> = {
  waiting: 'grey',
  'pre-copy, round by round': 'c1',
  'post-copy': 'c5',
  downtime: 'bad',
};

/** Returns the report of an evacuation. */
export function evacuationReport(result: EvacuationResult): Report {
  const {
    version,
    clock,
    runtime,
    source,
    guests,
    makespanMs,
    downtimeMs,
    bytes,
    slowdown,
    waitingMs,
  } = result;
  const name = result.scenario['name'];
  return {
    kind: runtime === 'virtual' ? 'Evacuation in virtual time' : 'Evacuation in real time',
    title: `${typeof name === 'string' ? `${name}: ` : ''}${plural(guests.length, 'guest')} leave ${source}`,
    answer: answerOf(result),
    tone: result.emptied && result.missedDeadlines === 0 ? 'good' : 'bad',
    facts: [
      { label: 'guests that moved', value: `${result.outcomes.completed} of ${guests.length}` },
      { label: 'makespan', value: msText(makespanMs) },
      ...(downtimeMs
        ? [
            {
              label: 'median downtime',
              value: msText(downtimeMs.median),
              detail: `longest ${msText(downtimeMs.max)}, sum ${msText(downtimeMs.sum)}`,
            },
          ]
        : []),
      {
        label: 'mean wait',
        value: msText(waitingMs.mean),
        detail: `longest ${msText(waitingMs.max)}`,
      },
      ...(slowdown
        ? [
            {
              label: 'mean slowdown',
              value: percentText(slowdown.mean),
              detail: `largest ${percentText(slowdown.max)}`,
            },
          ]
        : []),
      { label: 'bytes', value: sizeText(bytes), detail: 'of all frames' },
    ],
    sections: [
      { title: 'What ran', blocks: whatRan(result) },
      {
        title: 'Over time',
        blocks: [
          { kind: 'figure', figure: guestsChart(result) },
          ...useCharts(result).map((figure): Block => ({ kind: 'figure', figure })),
        ],
      },
      {
        title: 'Guests',
        blocks: [
          { kind: 'table', caption: 'All guests', table: guestsTable(guests), isFilterable: true },
        ],
      },
      { title: 'Links and hosts', blocks: [linksTable(result), ...hostsTable(result)] },
    ],
    origin: [`Pageferry ${version}, clock: ${clock}`],
  };
}

function answerOf({
  source,
  emptied,
  makespanMs,
  outcomes,
  guests,
  downtimeMs,
  forced,
  missedDeadlines,
}: EvacuationResult): string {
  const first = emptied
    ? `${source} was empty after ${msText(makespanMs)}: all ${plural(guests.length, 'guest')} moved`
    : `${source} is not empty: ${countText(outcomes.completed)} of ${plural(guests.length, 'guest')} moved in ${msText(makespanMs)}`;
  const stood = downtimeMs
    ? `, and stood still for ${msText(downtimeMs.median)} in the median, ${msText(downtimeMs.max)} at most`
    : '';
  const notes = [
    ...(forced > 0 ? [`${plural(forced, 'guest')} did not converge and had to be forced.`] : []),
    ...(missedDeadlines > 0
      ? [`${plural(missedDeadlines, 'guest')} came too late for a deadline.`]
      : []),
  ];
  return [`${first}${stood}.`, ...notes].join(' ');
}

function whatRan({ limits, hosts, links }: EvacuationResult): Block[] {
  const { outgoing, incoming, cluster, inBatches } = limits;
  const named = [
    [outgoing, 'outgoing'],
    [incoming, 'incoming'],
    [cluster, 'in the cluster'],
  ] as const;
  const some = named.flatMap(([count, what]) => (count === undefined ? [] : [`${count} ${what}`]));
  const text =
    some.length === 0
      ? 'All migrations could run at once.'
      : `At most ${some.join(', ')} migrations ran at once${inBatches ? ', in batches' : ''}.`;
  return [
    {
      kind: 'text',
      text: `${text} There were ${plural(hosts.length, 'host')} and ${plural(links.length, 'link')}.`,
    },
  ];
}

/** Returns a row of bars for each guest in the order of their starts: its wait, its rounds, its downtime. */
function guestsChart(result: EvacuationResult): RowsFigure {
  const unit = timeUnit(result.makespanMs);
  const { names, bars, labels } = barsOf(result, result.makespanMs / PIXELS);
  const rows = names.slice(0, MOST_ROWS).map((label, row): FigureRow => {
    const own = bars.filter((bar) => bar.row === row);
    return {
      label,
      bars: own.map(({ kind, fromMs, toMs }) => ({
        kind: KINDS.findIndex(({ name }) => name === kind),
        from: fromMs / unit.ms,
        to: toMs / unit.ms,
        text: `${kind}: ${msText(toMs - fromMs)}`,
      })),
      note: labels[row]!.text,
    };
  });
  const left = names.length - rows.length;
  return {
    kind: 'rows',
    id: 'guests',
    title: 'When each guest moved',
    ...(left > 0 ? { note: `${countText(left)} more guests are in the table below.` } : {}),
    x: { label: 'time since the evacuation began', unit: unit.name, min: 0 },
    kinds: KINDS.map(({ name, height }) => ({
      name,
      colour: COLOURS[name] ?? 'c1',
      ...(height < 0.3 ? { isThin: true } : {}),
    })),
    rows,
  };
}

function useCharts({
  timeline: { periodMs, migrations },
  links,
  hosts,
  makespanMs,
}: EvacuationResult): XyFigure[] {
  const unit = timeUnit(makespanMs);
  const x = {
    label: 'time since the evacuation began',
    unit: unit.name,
    min: 0,
    max: makespanMs / unit.ms,
  };
  const points = (values: readonly number[], factor = 1) =>
    values.map((value, i) => ({ x: (i * periodMs) / unit.ms, y: value * factor }));
  const busy = links.filter(({ maxBytesPerSecond }) => maxBytesPerSecond > 0).slice(0, 7);
  const measured = hosts.filter(({ seriesCpus = [] }) => seriesCpus.length > 0).slice(0, 7);
  return [
    {
      kind: 'xy',
      id: 'use',
      title: 'Migrations under way, links and CPUs',
      x,
      panels: [
        {
          y: { label: 'migrations under way', min: 0 },
          height: 90,
          series: [{ name: 'migrations', colour: 'c7', style: 'area', points: points(migrations) }],
        },
        {
          y: { label: 'on the link', unit: 'Gbit/s', min: 0 },
          height: 140,
          series: busy.map(({ name, seriesBytesPerSecond }, i) => ({
            name,
            colour: seriesColour(i),
            style: 'step',
            points: points(seriesBytesPerSecond, 8e-9),
          })),
        },
        ...(measured.length > 0
          ? [
              {
                y: { label: 'CPUs in use', min: 0 },
                height: 140,
                series: measured.map(({ name, seriesCpus = [] }, i) => ({
                  name: `CPUs of ${name}`,
                  colour: seriesColour(i),
                  style: 'step' as const,
                  points: points(seriesCpus),
                })),
              },
            ]
          : []),
      ],
    },
  ];
}

function guestsTable(guests: readonly GuestResult[]): Table {
  const numbers = ['waited', 'total time', 'downtime', 'sent', 'slowdown'].map((name) => ({
    name,
    isNumber: true,
  }));
  return {
    columns: [
      { name: 'guest' },
      { name: 'to' },
      { name: 'outcome' },
      ...numbers,
      { name: 'notes' },
    ],
    rows: guests.map(
      ({
        name,
        target = '',
        outcome,
        waitingMs,
        slowdown,
        run,
        wasForced,
        missedDeadline,
      }): (string | Cell)[] => [
        name,
        target,
        outcome === 'completed' ? outcome : { text: outcome, tone: 'bad' },
        msText(waitingMs),
        run ? msText(run.totalTimeMs) : '',
        run?.downtimeMs === undefined ? '' : msText(run.downtimeMs),
        run ? sizeText(run.ram.transferred) : '',
        slowdown === undefined ? '' : percentText(slowdown),
        [
          ...(wasForced ? ['forced'] : []),
          ...(missedDeadline ? ['too late'] : []),
          ...(run?.error === undefined ? [] : [run.error]),
        ].join(', '),
      ],
    ),
  };
}

function linksTable({ links }: EvacuationResult): Block {
  const columns = [
    { name: 'link' },
    ...['capacity', 'mean', 'maximum', 'mean use', 'largest use'].map((name) => ({
      name,
      isNumber: true,
    })),
  ];
  const rows = links.map(
    ({ name, bytesPerSecond, meanBytesPerSecond, maxBytesPerSecond, meanUse, maxUse }) => [
      name,
      bytesPerSecond === undefined ? 'unlimited' : formatBitRate(bytesPerSecond),
      formatBitRate(meanBytesPerSecond),
      formatBitRate(maxBytesPerSecond),
      meanUse === undefined ? '' : percentText(meanUse),
      maxUse === undefined ? '' : percentText(maxUse),
    ],
  );
  return { kind: 'table', caption: 'Links', table: { columns, rows } };
}

const number = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(2));

function hostsTable({ hosts }: EvacuationResult): Block[] {
  if (hosts.every(({ meanCpus }) => meanCpus === undefined)) return [];
  const columns = [
    { name: 'host' },
    ...['CPUs', 'mean in use', 'most in use'].map((name) => ({ name, isNumber: true })),
  ];
  const rows = hosts.map(({ name, cpus, meanCpus, maxCpus }) => [
    name,
    cpus === undefined ? 'unlimited' : String(cpus),
    number(meanCpus),
    number(maxCpus),
  ]);
  return [{ kind: 'table', caption: 'Hosts', table: { columns, rows } }];
}
