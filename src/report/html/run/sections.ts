import type { RunResult } from '../../../result/schema.ts';
import { formatBitRate } from '../../../units/rate.ts';
import { figuresOf } from '../../run-figures.ts';
import type { Block, Section, Table } from '../model.ts';
import { scenarioTables } from '../scenario-table.ts';
import { countText, msText, percentText, plural, sizeText } from '../words.ts';
import { DOWNTIME_PARTS, downtimeChart, expectedChart, faultCharts } from './charts.ts';
import { methodOf } from './describe.ts';
import { brownouts, timelineStartMs } from './migration-chart.ts';

export function whatRan(result: RunResult): Block[] {
  const { scenario, warnings = [], disturbance } = result;
  const { guest, link } = scenario as {
    guest?: { vcpus?: number };
    link?: { bandwidth?: string | number };
  };
  const machine = disturbance
    ? ` It ran with ${disturbance.runnableThreads} runnable threads on ${disturbance.cpus} CPUs; the largest lag of a vCPU was ${msText(disturbance.maxLagMs)}.`
    : '';
  return [
    ...warnings.map((text): Block => ({ kind: 'warning', text: `Warning: ${text}` })),
    {
      kind: 'text',
      text: `A guest of ${sizeText(result.ram.total)} with ${plural(guest?.vcpus ?? 1, 'vCPU')} moved by ${methodOf(result)} over a link of ${link?.bandwidth ?? 'unknown'} bandwidth.${machine}`,
    },
    ...scenarioTables(scenario),
  ];
}

export function slowdowns(result: RunResult): Block[] {
  const figures = figuresOf(result, timelineStartMs(result));
  const spans = brownouts(figures);
  if (spans.length === 0)
    return [
      { kind: 'text', text: 'Apart from its stop, the guest ran as fast as before the migration.' },
    ];
  const totalMs = spans.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
  return [
    {
      kind: 'text',
      text: `The guest was in a brownout for ${msText(totalMs)}: it made less than 90 % of the accesses that it made before the migration.`,
    },
  ];
}

export function roundsSection(result: RunResult): Section[] {
  if (result.rounds.length === 0) return [];
  const blocks: Block[] = [
    ...expectedChart(result).map((figure): Block => ({ kind: 'figure', figure })),
    {
      kind: 'table',
      caption: 'Each round: what it sent, and what its harvest found dirty',
      table: roundsTable(result),
    },
  ];
  return [{ title: 'Rounds', blocks }];
}

function roundsTable({ rounds }: RunResult): Table {
  const isThrottled = rounds.some(({ throttle }) => throttle !== undefined);
  const head = [
    'start',
    'time',
    'pages',
    'zero',
    'skipped',
    'sent',
    'rate',
    'dirtied',
    'dirty rate, pages/s',
  ];
  return {
    columns: [
      { name: 'round' },
      ...[...head, ...(isThrottled ? ['throttle'] : [])].map((name) => ({ name, isNumber: true })),
    ],
    rows: rounds.map((round) => [
      round.stopped ? 'stopped' : String(round.index),
      msText(round.startMs),
      msText(round.durationMs),
      countText(round.pages),
      countText(round.zeroPages),
      countText(round.skippedPages),
      sizeText(round.bytes),
      round.bandwidthBytesPerSecond === undefined
        ? ''
        : formatBitRate(round.bandwidthBytesPerSecond),
      round.stopped ? '' : countText(round.dirtiedPages),
      round.dirtyPagesPerSecond === undefined ? '' : countText(round.dirtyPagesPerSecond),
      ...(isThrottled ? [round.throttle === undefined ? '' : percentText(round.throttle)] : []),
    ]),
  };
}

export function downtimeSection(result: RunResult): Section[] {
  const { downtimeMs, downtimeParts, queuedAtPauseMs, outageMs, devices } = result;
  if (downtimeMs === undefined || !downtimeParts) return [];
  const notes = [
    ...(queuedAtPauseMs === undefined
      ? []
      : [
          `Of the last pages' time, the link was busy for ${msText(queuedAtPauseMs)} with pages that were sent before the pause.`,
        ]),
    ...(outageMs === undefined
      ? []
      : [`Until the last device was served again it took ${msText(outageMs)}.`]),
  ];
  const parts: Table = {
    columns: [
      { name: 'part' },
      { name: 'time', isNumber: true },
      { name: 'share', isNumber: true },
    ],
    rows: DOWNTIME_PARTS.map(([key, name]) => [
      name,
      msText(downtimeParts[key]),
      downtimeMs > 0 ? percentText(downtimeParts[key] / downtimeMs) : '',
    ]),
  };
  return [
    {
      title: 'Downtime',
      blocks: [
        ...downtimeChart(result).map((figure): Block => ({ kind: 'figure', figure })),
        { kind: 'table', caption: 'The parts of the downtime', table: parts },
        ...notes.map((text): Block => ({ kind: 'text', text })),
        ...(devices ? [devicesTable(devices)] : []),
      ],
    },
  ];
}

function devicesTable({ parts }: NonNullable<RunResult['devices']>): Block {
  const columns = ['save', 'load', 'reconnect', 'bytes'].map((name) => ({ name, isNumber: true }));
  return {
    kind: 'table',
    caption: 'Devices',
    table: {
      columns: [{ name: 'device' }, ...columns],
      rows: parts.map(({ kind, saveMs, loadMs, reconnectMs, bytes }) => [
        kind,
        msText(saveMs),
        msText(loadMs),
        msText(reconnectMs),
        sizeText(bytes),
      ]),
    },
  };
}

export function pagesTable({ ram }: RunResult): Block {
  const rows: (readonly [string, number | undefined])[] = [
    ['sent raw (normal)', ram.normal],
    ['sent as zero pages (duplicate)', ram.duplicate],
    ['sent as references to equal pages (deduplicated)', ram.deduplicated],
    ['arrived when they were there already (dropped)', ram.dropped],
    ['given back by the guest, so not sent (released)', ram.released],
    ['hinted as free by the guest (hinted)', ram.hinted],
    ['skipped because of a hint (hintSkipped)', ram.hintSkipped],
  ];
  return {
    kind: 'table',
    caption: `Pages of ${sizeText(ram.pageSize)}`,
    table: {
      columns: [{ name: 'pages' }, { name: 'number', isNumber: true }],
      rows: rows.flatMap(([name, value]) =>
        value === undefined ? [] : [[name, countText(value)]],
      ),
    },
  };
}

export function faultsSection(result: RunResult): Section[] {
  const { faults, postcopyPauses = [] } = result;
  if (!faults) return [];
  const { count, majorCount, latencyUs, blockedMs } = faults;
  const latency = latencyUs
    ? ` Half of them took at most ${msText(latencyUs.p50 / 1000)}, 99 % at most ${msText(latencyUs.p99 / 1000)}, the longest ${msText(latencyUs.max / 1000)}.`
    : '';
  const text = `vCPUs met ${plural(count, 'absent page')}, of which ${countText(majorCount)} had to be asked for.${latency} Together the vCPUs waited ${msText(blockedMs)}.`;
  const pauses = postcopyPauses.map(({ startMs, durationMs }): Block => ({
    kind: 'text',
    text: `At ${msText(startMs)} the connection was lost; post-copy was paused for ${msText(durationMs)} (QEMU: postcopy-paused).`,
  }));
  const charts = faultCharts(result);
  return [
    {
      title: 'Demand faults',
      blocks: [
        { kind: 'text', text },
        ...pauses,
        ...(charts.length > 0 ? [{ kind: 'figures' as const, figures: charts }] : []),
      ],
    },
  ];
}

const range = ({ low, high }: { low: number; high: number }): string =>
  `${msText(low)} to ${msText(high)}`;

export function modelsSection({ models, totalTimeMs, downtimeMs }: RunResult): Section[] {
  if (!models) return [];
  const rows: (readonly string[])[] = [
    ['this run', msText(totalTimeMs), downtimeMs === undefined ? '' : msText(downtimeMs)],
    [
      'bounds (Akoush et al. 2010)',
      range(models.bounds.totalTimeMs),
      range(models.bounds.downtimeMs),
    ],
  ];
  const named = [
    ['average (Akoush et al. 2010)', models.average],
    ['geometric series (Liu et al. 2011)', models.geometric],
    ['history (HIST, Akoush et al. 2010)', models.history],
  ] as const;
  for (const [name, one] of named)
    if (one) rows.push([name, msText(one.totalTimeMs), msText(one.downtimeMs)]);
  const columns = [
    { name: '' },
    { name: 'total time', isNumber: true },
    { name: 'downtime', isNumber: true },
  ];
  return [
    {
      title: 'What closed formulas predict',
      blocks: [
        {
          kind: 'table',
          caption: `From a dirty rate of ${countText(models.dirtyPagesPerSecond)} pages a second, that of the first round`,
          table: { columns, rows },
        },
      ],
    },
  ];
}
