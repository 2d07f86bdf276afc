import type { RunResult } from '../../../result/schema.ts';
import { parseDuration } from '../../../units/duration.ts';
import type { Figure, FigurePoint, FigureRow, RowsFigure, XyFigure } from '../chart/figure.ts';
import { msText, sizeText, sizeUnit, timeUnit } from '../words.ts';

/** The parts of a downtime in their order, with what they are called. */
export const DOWNTIME_PARTS = [
  ['pauseMs', 'pause the vCPUs', 'c3'],
  ['lastHarvestMs', 'last harvest of the dirty log', 'c5'],
  ['lastPagesMs', 'last pages', 'c1'],
  ['stateMs', 'vCPUs and devices', 'c4'],
  ['handoverMs', 'hand over', 'c2'],
] as const;

/** Returns the chart of a downtime in its parts. */
export function downtimeChart({ downtimeMs, downtimeParts }: RunResult): RowsFigure[] {
  if (downtimeMs === undefined || !downtimeParts) return [];
  const unit = timeUnit(downtimeMs);
  let at = 0;
  const bars = DOWNTIME_PARTS.map(([name, label], kind) => {
    const from = at;
    at += downtimeParts[name];
    return {
      kind,
      from: from / unit.ms,
      to: at / unit.ms,
      text: `${label}: ${msText(downtimeParts[name])}`,
    };
  });
  return [
    {
      kind: 'rows',
      id: 'downtime-parts',
      title: 'The downtime in its parts',
      x: { label: 'time since the vCPUs were asked to pause', unit: unit.name, min: 0 },
      kinds: DOWNTIME_PARTS.map(([, name, colour]) => ({ name, colour })),
      rows: [{ label: 'downtime', bars, note: msText(downtimeMs) }],
    },
  ];
}

/** Returns the chart of the bytes that were sent: when, and what they were. */
export function bytesChart({ ram, devices, link }: RunResult): RowsFigure {
  const { name, bytes } = sizeUnit(Math.max(link.bytes, ram.total));
  const kinds = [
    { name: 'pages while the guest ran at the source', colour: 'c1' },
    { name: 'pages in the downtime', colour: 'bad' },
    { name: 'pages of post-copy', colour: 'c3' },
    { name: 'devices', colour: 'c4' },
    { name: 'other frames', colour: 'grey' },
  ] as const;
  const deviceBytes = devices?.transferred ?? 0;
  const other = Math.max(0, link.bytes - ram.transferred - deviceBytes);
  const parts = [ram.precopyBytes, ram.downtimeBytes, ram.postcopyBytes, deviceBytes, other];
  let at = 0;
  const bars = parts.flatMap((size, kind) => {
    const from = at;
    at += size;
    return size > 0
      ? [
          {
            kind,
            from: from / bytes,
            to: at / bytes,
            text: `${kinds[kind]!.name}: ${sizeText(size)}`,
          },
        ]
      : [];
  });
  const used = kinds.filter((_, kind) => parts[kind]! > 0);
  const renumbered = bars.map((bar) => ({ ...bar, kind: used.indexOf(kinds[bar.kind]!) }));
  return {
    kind: 'rows',
    id: 'bytes',
    title: 'Bytes on the link, by kind',
    x: { label: 'bytes', unit: name, min: 0 },
    kinds: used,
    rows: [{ label: 'to the destination', bars: renumbered, note: sizeText(link.bytes) }],
    marks: [{ name: "the guest's memory", at: ram.total / bytes }],
  };
}

/** Returns the chart of the downtime that the policy expected after each round; nothing when it saw none. */
export function expectedChart({ rounds, scenario }: RunResult): XyFigure[] {
  const points = rounds.flatMap(({ index, expectedDowntimeMs }): FigurePoint[] =>
    expectedDowntimeMs === undefined || expectedDowntimeMs <= 0
      ? []
      : [{ x: index, y: expectedDowntimeMs }],
  );
  if (points.length < 2) return [];
  const { downtimeLimit } = (scenario['migration'] ?? {}) as { downtimeLimit?: string | number };
  const limitMs = downtimeLimit === undefined ? undefined : parseDuration(downtimeLimit) / 1e6;
  const values = points.map(({ y }) => y!);
  const [low, high] = [Math.min(...values, limitMs ?? Infinity), Math.max(...values, limitMs ?? 0)];
  return [
    {
      kind: 'xy',
      id: 'expected-downtime',
      title: 'The downtime that was expected after each round',
      note: 'Pre-copy ends when what is left to send takes no longer than the limit.',
      x: { label: 'round', isWhole: true },
      panels: [
        {
          y: {
            label: 'expected downtime',
            unit: 'ms',
            isLog: high / low > 8,
            ...(high / low > 8 ? {} : { min: 0, max: high * 1.1 }),
          },
          series: [{ name: 'expected downtime', colour: 'c1', style: 'line', points }],
        },
      ],
      ...(limitMs !== undefined && limitMs > 0
        ? { marks: [{ name: `limit ${msText(limitMs)}`, at: limitMs, axis: 'y' as const }] }
        : {}),
    },
  ];
}

/** Returns the charts of post-copy's faults: how long they took, and how long the vCPUs waited for them. */
export function faultCharts({ faults, resumeTimeMs }: RunResult): Figure[] {
  if (!faults || faults.count === 0) return [];
  return [...latencyChart(faults), ...blockedChart(faults, resumeTimeMs)];
}

type Faults = NonNullable<RunResult['faults']>;

function latencyChart({ latencyDist, latencyUs }: Faults): XyFigure[] {
  if (!latencyDist || latencyDist.every((count) => count === 0)) return [];
  const first = Math.max(0, latencyDist.findIndex((count) => count > 0) - 1);
  const last = latencyDist.findLastIndex((count) => count > 0) + 1;
  const points = Array.from({ length: last - first + 1 }, (_, i) => ({
    x: 2 ** (first + i),
    y: latencyDist[first + i] ?? 0,
  }));
  const quantiles = latencyUs
    ? ([
        ['p50', latencyUs.p50],
        ['p99', latencyUs.p99],
      ] as const)
    : [];
  return [
    {
      kind: 'xy',
      id: 'fault-latencies',
      title: 'How long faults took',
      note: 'Faults by latency, in buckets from a power of two to the next, as QEMU counts them (postcopy-latency-dist).',
      x: { label: 'latency from', unit: 'us', isLog: true, min: points[0]!.x, max: 2 ** last },
      panels: [
        {
          y: { label: 'faults', min: 0 },
          series: [{ name: 'faults', colour: 'c1', style: 'area', points }],
        },
      ],
      marks: quantiles.map(([name, at]) => ({ name, at })),
    },
  ];
}

function blockedChart({ vcpuBlockedMs }: Faults, resumeTimeMs: number | undefined): RowsFigure[] {
  const longest = Math.max(resumeTimeMs ?? 0, ...vcpuBlockedMs);
  if (vcpuBlockedMs.length === 0 || longest === 0) return [];
  const unit = timeUnit(longest);
  const rows = vcpuBlockedMs.map((ms, index): FigureRow => ({
    label: `vCPU ${index}`,
    bars: [{ kind: 0, from: 0, to: ms / unit.ms }],
    note: msText(ms),
  }));
  return [
    {
      kind: 'rows',
      id: 'blocked-vcpus',
      title: 'How long vCPUs waited for pages',
      x: { label: 'time', unit: unit.name, min: 0 },
      kinds: [{ name: 'waited for pages', colour: 'c2' }],
      rows,
      ...(resumeTimeMs === undefined
        ? {}
        : { marks: [{ name: 'all pages there', at: resumeTimeMs / unit.ms }] }),
    },
  ];
}
