import type { HostResult } from '../../../fleet/host/result-schema.ts';
import { MEMORY_STATES } from '../../../overcommit/memory-state.ts';
import type { Colour, FigureBar, FigurePoint, RowsFigure, XyFigure } from '../chart/figure.ts';
import { idOf, mostOf, msText, sizeUnit, type TimeUnit, timeUnit } from '../words.ts';

/** A line has at most about so many points, which is more than a wide window has pixels for. */
const MOST_POINTS = 1500;
/** Times in a state that are closer than a pixel of a wide window are joined. */
const PIXELS = 1200;
/** A host with more guests than this has charts of the first ones only. */
const MOST_GUESTS = 24;

type Values = readonly (number | null)[];
type Amounts = Omit<HostResult['series']['guests'][number], 'name'>;

/** What is drawn of a guest's memory, in the order of the legend. */
const AMOUNTS: readonly (readonly [keyof Amounts, string, Colour])[] = [
  ['allocatedBytes', 'allocated', 'c7'],
  ['activeBytes', 'active (estimate)', 'c2'],
  ['balloonedBytes', 'ballooned', 'c1'],
  ['sharedBytes', 'shared', 'c3'],
  ['swappedBytes', 'swapped out', 'c4'],
];

const STATE_COLOURS: Readonly<Record<string, Colour>> = {
  high: 'good',
  soft: 'c5',
  hard: 'c2',
  low: 'bad',
};

/** Returns a chart of all guests' memory together, with what the host has free and what sharing saves. */
export function hostChart(result: HostResult): XyFigure {
  const { series, host, guests, durationMs } = result;
  const unit = timeUnit(durationMs);
  const totals = AMOUNTS.map(([key]) => sumOf(series.guests.map((one) => one[key])));
  const { name, bytes } = sizeUnit(mostOf([host.memoryBytes, ...totals.map(mostOf)]));
  const line = (values: Values): FigurePoint[] => pointsOf(series.timesMs, values, unit, bytes);
  return {
    kind: 'xy',
    id: 'memory',
    title: guests.length === 1 ? 'Memory of the guest' : `Memory of all ${guests.length} guests`,
    note: 'Allocated pages that are shared count for each guest, so that their sum may be more than the host has.',
    x: axisOf(durationMs, unit),
    panels: [
      {
        y: { label: 'guests', unit: name, min: 0 },
        height: 220,
        series: AMOUNTS.map(([, label, colour], i) => ({
          name: label,
          colour,
          style: 'line',
          points: line(totals[i]!),
        })),
      },
      {
        y: { label: 'host', unit: name, min: 0 },
        height: 120,
        series: [
          { name: 'free', colour: 'good', style: 'step', points: line(series.freeBytes) },
          {
            name: 'saved by sharing',
            colour: 'c6',
            style: 'line',
            points: line(series.reclaimedBytes),
          },
        ],
      },
    ],
  };
}

/** Returns a row of bars for each state that the host's memory was in. */
export function statesChart({ host, durationMs }: HostResult): RowsFigure {
  const unit = timeUnit(durationMs);
  const visited = MEMORY_STATES.filter((state) => (host.timeMs[state] ?? 0) > 0);
  return {
    kind: 'rows',
    id: 'states',
    title: 'State of the host’s memory',
    note: 'In soft balloons inflate, in hard the host pages, and in low guests above their targets stand still too.',
    x: axisOf(durationMs, unit),
    kinds: visited.map((state) => ({ name: state, colour: STATE_COLOURS[state]! })),
    rows: visited.map((state, kind) => ({
      label: state,
      bars: spansOf(host.states, durationMs, state).map(([from, to, text]): FigureBar => ({
        kind,
        from: from / unit.ms,
        to: to / unit.ms,
        text,
      })),
      note: msText(host.timeMs[state]!),
    })),
  };
}

/** Returns a chart of each guest's memory, as many as a reader may want to see. */
export function guestCharts({ series, durationMs, guests }: HostResult): XyFigure[] {
  const unit = timeUnit(durationMs);
  const { name: sizeName, bytes } = sizeUnit(
    Math.max(...guests.map(({ memoryBytes }) => memoryBytes)),
  );
  return series.guests.slice(0, MOST_GUESTS).map((guest, index): XyFigure => ({
    kind: 'xy',
    id: `guest-${index + 1}-${idOf(guest.name)}`,
    title: guest.name,
    x: axisOf(durationMs, unit),
    panels: [
      {
        y: { label: 'memory', unit: sizeName, min: 0 },
        height: 170,
        series: [
          ...AMOUNTS.map(([key, label, colour]) => ({
            name: label,
            colour,
            style: 'line' as const,
            points: pointsOf(series.timesMs, guest[key], unit, bytes),
          })),
          {
            name: 'target',
            colour: 'grey',
            style: 'dashed',
            points: pointsOf(series.timesMs, guest.targetBytes, unit, bytes),
          },
        ],
      },
    ],
  }));
}

const axisOf = (durationMs: number, unit: TimeUnit): XyFigure['x'] => ({
  label: 'time',
  unit: unit.name,
  min: 0,
  max: durationMs / unit.ms,
});

/** Returns the sum of series at each time; a guest that does not run adds nothing. */
function sumOf(all: readonly Values[]): number[] {
  const [first = []] = all;
  return first.map((_, at) => all.reduce((sum, values) => sum + (values[at] ?? 0), 0));
}

/** Returns evenly picked points of a series, the last one among them. */
function pointsOf(
  timesMs: readonly number[],
  values: Values,
  unit: TimeUnit,
  bytes: number,
): FigurePoint[] {
  const every = Math.ceil(timesMs.length / MOST_POINTS);
  return timesMs.flatMap((ms, at): FigurePoint[] => {
    if (at % every !== 0 && at !== timesMs.length - 1) return [];
    const value = values[at] ?? null;
    return [{ x: ms / unit.ms, y: value === null ? null : value / bytes }];
  });
}

/** Returns the spans of time in a state, as from, to and what they are; spans that nobody could tell apart are joined. */
function spansOf(
  states: HostResult['host']['states'],
  durationMs: number,
  wanted: string,
): [number, number, string][] {
  const all = [{ atMs: 0, state: 'high' }, ...states, { atMs: durationMs, state: '' }];
  const spans: { from: number; to: number; times: number; ms: number }[] = [];
  for (const [i, { atMs, state }] of all.entries()) {
    const to = all[i + 1]?.atMs ?? atMs;
    if (state !== wanted || to <= atMs) continue;
    const last = spans.at(-1);
    const own = { from: atMs, to, times: 1, ms: to - atMs };
    if (!last || atMs - last.to > durationMs / PIXELS) spans.push(own);
    else Object.assign(last, { to, times: last.times + 1, ms: last.ms + to - atMs });
  }
  return spans.map(({ from, to, times, ms }) => [
    from,
    to,
    times === 1 ? msText(ms) : `${times} times, ${msText(ms)} in all`,
  ]);
}
