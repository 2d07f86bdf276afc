import type { RunResult } from '../../../result/schema.ts';
import { parseDuration } from '../../../units/duration.ts';
import { type ChartRound, figuresOf, type RunFigures, type Span } from '../../run-figures.ts';
import type {
  FigureMark,
  FigurePanel,
  FigurePoint,
  FigureSpan,
  XyFigure,
} from '../chart/figure.ts';
import { sizeUnit, timeUnit, type TimeUnit } from '../words.ts';

/** A guest that makes fewer than this share of its accesses before is in a brownout. */
const BROWNOUT = 0.9;
/** Pauses between brownouts that are shorter than so many periods of the timeline are part of them. */
const SHORT_PERIODS = 3;

/** The virtual runtime takes its first sample of the guest's speed after a turn of so many ms. */
const FIRST_SAMPLE_MS = 50;

const ms = (duration: string | number | undefined): number =>
  duration === undefined ? 0 : parseDuration(duration) / 1e6;

/** Returns when the guest's timeline begins, in ms since the migration's start. */
export function timelineStartMs({ runtime, scenario }: RunResult): number {
  const { startAfter, around = {} } = (scenario['migration'] ?? {}) as {
    startAfter?: string | number;
    around?: Readonly<Record<string, string | number>>;
  };
  const beforeMs =
    ms(startAfter) + ms(around['startTarget']) + ms(around['tunnel']) + ms(around['setup']);
  return -beforeMs + (runtime === 'virtual' ? Math.min(beforeMs, FIRST_SAMPLE_MS) : 0);
}

/** Returns the chart of a migration over time: what its rounds sent, the throttle, and how fast the guest ran. */
export function migrationChart(result: RunResult): XyFigure {
  const figures = figuresOf(result, timelineStartMs(result));
  const { shown, migration } = figures;
  const unit = timeUnit(shown.toMs - shown.fromMs);
  const marks: FigureMark[] = [
    { name: 'start', at: migration.fromMs / unit.ms },
    { name: 'end', at: migration.toMs / unit.ms },
  ];
  return {
    kind: 'xy',
    id: 'migration',
    title: 'The migration over time',
    note: noteOf(figures),
    x: {
      label: 'time since the start of the migration',
      unit: unit.name,
      min: shown.fromMs / unit.ms,
      max: shown.toMs / unit.ms,
    },
    panels: [
      ...(figures.rounds.length > 0 ? [roundsPanel(figures.rounds, unit)] : []),
      ...throttlePanel(figures.rounds, unit),
      guestPanel(figures, unit),
    ],
    spans: spansOf(figures, unit),
    marks,
  };
}

function noteOf({ rounds, downtime }: RunFigures): string {
  const isThrottled = rounds.some(({ throttle }) => throttle !== undefined);
  return [
    'Above, each step is a round: what it sent, and what the guest dirtied meanwhile.',
    ...(isThrottled
      ? ['In the middle, the largest share of time in which a vCPU was throttled.']
      : []),
    `Below, the guest's accesses a second${downtime ? ', with the blackout, in which it stood still,' : ''} and the brownout, in which it made less than 90 % of its accesses before.`,
  ].join(' ');
}

/** Returns the corners of steps that have a value from the begin to the end of each span, with gaps between spans. */
export function stepsOf<One extends Span>(
  spans: readonly One[],
  unit: TimeUnit,
  valueOf: (span: One) => number | undefined,
): FigurePoint[] {
  return spans.flatMap((span, i) => {
    const value = valueOf(span) ?? null;
    const next = spans[i + 1];
    const point = { x: span.fromMs / unit.ms, y: value };
    // Rounds follow one another within some microseconds.
    const isClose = next && next.fromMs - span.toMs < 0.01 * (span.toMs - span.fromMs) + 0.2;
    if (isClose && valueOf(next) !== undefined) return [point];
    const end = span.toMs / unit.ms;
    return next
      ? [point, { x: end, y: value }, { x: end, y: null }]
      : [point, { x: end, y: value }];
  });
}

function roundsPanel(rounds: readonly ChartRound[], unit: TimeUnit): FigurePanel {
  const most = Math.max(
    ...rounds.map(({ sentBytes, dirtiedBytes = 0 }) => Math.max(sentBytes, dirtiedBytes)),
  );
  const { name, bytes } = sizeUnit(most);
  const isDirtied = rounds.some(({ dirtiedBytes }) => dirtiedBytes !== undefined);
  return {
    y: { label: 'in the round', unit: name, min: 0 },
    series: [
      {
        name: 'sent',
        colour: 'c1',
        style: 'area',
        points: stepsOf(rounds, unit, ({ sentBytes }) => sentBytes / bytes),
      },
      ...(isDirtied
        ? [
            {
              name: 'dirtied meanwhile',
              colour: 'c2' as const,
              style: 'step' as const,
              points: stepsOf(rounds, unit, ({ dirtiedBytes }) =>
                dirtiedBytes === undefined ? undefined : dirtiedBytes / bytes,
              ),
            },
          ]
        : []),
    ],
  };
}

function throttlePanel(rounds: readonly ChartRound[], unit: TimeUnit): FigurePanel[] {
  if (rounds.every(({ throttle }) => throttle === undefined)) return [];
  const live = rounds.filter(({ dirtiedBytes }) => dirtiedBytes !== undefined);
  const points = stepsOf(live, unit, ({ throttle }) => 100 * (throttle ?? 0));
  return [
    {
      y: { label: 'throttle', unit: '%', min: 0, max: 100 },
      height: 90,
      series: [{ name: 'throttle', colour: 'c3', style: 'area', points }],
    },
  ];
}

function guestPanel({ guest, shown }: RunFigures, unit: TimeUnit): FigurePanel {
  const { startMs, periodMs, perSecond } = guest;
  const points = perSecond.flatMap((value, i): FigurePoint[] => {
    const at = startMs + i * periodMs;
    return at + periodMs < shown.fromMs || at > shown.toMs ? [] : [{ x: at / unit.ms, y: value }];
  });
  const last = points.at(-1);
  const end = last ? [{ x: last.x + periodMs / unit.ms, y: last.y }] : [];
  return {
    y: { label: 'accesses of the guest a second', min: 0 },
    height: 140,
    series: [
      { name: 'accesses of the guest', colour: 'c6', style: 'area', points: [...points, ...end] },
    ],
  };
}

function spansOf(figures: RunFigures, unit: TimeUnit): FigureSpan[] {
  const { downtime } = figures;
  const inUnit = ({ fromMs, toMs }: Span) => ({ from: fromMs / unit.ms, to: toMs / unit.ms });
  return [
    ...brownouts(figures).map((span): FigureSpan => ({
      name: 'brownout',
      colour: 'c5',
      ...inUnit(span),
    })),
    ...(downtime ? [{ name: 'blackout', colour: 'bad' as const, ...inUnit(downtime) }] : []),
  ];
}

/** Returns when the guest was slower than before the migration, without its downtime. */
export function brownouts({ guest, migration, downtime }: RunFigures): Span[] {
  const { startMs, periodMs, perSecond } = guest;
  const before = perSecond.filter((_, i) => startMs + (i + 1) * periodMs <= migration.fromMs);
  const usual = before.reduce((sum, rate) => sum + rate, 0) / before.length;
  if (!(usual > 0)) return [];
  const slow: Span[] = [];
  for (const [i, rate] of perSecond.entries()) {
    const span = { fromMs: startMs + i * periodMs, toMs: startMs + (i + 1) * periodMs };
    // A stop of the guest makes the periods around it slow too, in which the timeline was sampled.
    const isStop =
      downtime &&
      span.fromMs <= downtime.toMs + periodMs &&
      span.toMs >= downtime.fromMs - periodMs;
    if (
      rate >= BROWNOUT * usual ||
      span.fromMs < migration.fromMs ||
      span.fromMs > migration.toMs ||
      isStop
    )
      continue;
    const last = slow.at(-1);
    if (last && span.fromMs - last.toMs <= SHORT_PERIODS * periodMs)
      slow[slow.length - 1] = { ...last, toMs: span.toMs };
    else slow.push(span);
  }
  return slow.map((span) => besideStop(span, downtime, 2.5 * periodMs));
}

/** Lets a brownout that ends or begins close to the stop end or begin there. */
function besideStop({ fromMs, toMs }: Span, stop: Span | undefined, closeMs: number): Span {
  return {
    fromMs: stop && fromMs >= stop.toMs && fromMs - stop.toMs <= closeMs ? stop.toMs : fromMs,
    toMs: stop && toMs <= stop.fromMs && stop.fromMs - toMs <= closeMs ? stop.fromMs : toMs,
  };
}
