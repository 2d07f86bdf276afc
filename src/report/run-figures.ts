import type { RunResult } from '../result/schema.ts';

/** A span of a run, in ms since the migration's start. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** One round of pre-copy, the last set, or all that post-copy sent, as a chart shows it. */
export interface ChartRound extends Span {
  /** What its place says: "1", "stop" or "post-copy". */
  readonly label: string;
  readonly sentBytes: number;
  /** What the guest dirtied meanwhile; absent where nobody counted it. */
  readonly dirtiedBytes?: number;
  /** The largest share of time, 0 to 1, that a vCPU was held back. */
  readonly throttle?: number;
}

/** What the chart of a run shows; times are ms since the migration's start, those before it negative. */
export interface RunFigures {
  readonly rounds: readonly ChartRound[];
  /** The guest's accesses a second: each holds for `periodMs`, the first from `startMs` on. */
  readonly guest: {
    readonly startMs: number;
    readonly periodMs: number;
    readonly perSecond: readonly number[];
  };
  /** When the guest stood still; absent if it did not, or did not go on. */
  readonly downtime?: Span;
  readonly migration: Span;
  /** What is shown: the migration, and of the time before and after it as much as there is, but not too much. */
  readonly shown: Span;
}

/** The share of a migration's time that is shown of the time before it, and of that after it. */
const AROUND = 0.25;

/** Returns what the chart of a run shows; the guest's timeline begins at `timelineMs` since the migration's start. */
export function figuresOf(result: RunResult, timelineMs: number): RunFigures {
  const { rounds, totalTimeMs, guest } = result;
  const { periodMs, accessesPerSecond: perSecond } = guest.timeline;
  const downtime = downtimeOf(result);
  const lastMs = Math.max(totalTimeMs, timelineMs + perSecond.length * periodMs);
  const aroundMs = AROUND * totalTimeMs;
  return {
    rounds: [...rounds.map((round) => roundOf(round, result)), ...postcopyOf(result, downtime)],
    guest: { startMs: timelineMs, periodMs, perSecond },
    ...(downtime ? { downtime } : {}),
    migration: { fromMs: 0, toMs: totalTimeMs },
    shown: {
      fromMs: Math.min(0, Math.max(timelineMs, -aroundMs)),
      toMs: Math.min(lastMs, totalTimeMs + aroundMs),
    },
  };
}

function roundOf(round: RunResult['rounds'][number], { ram }: RunResult): ChartRound {
  const { index, stopped, startMs, durationMs, bytes, dirtiedPages, throttle } = round;
  return {
    label: stopped ? 'stop' : String(index),
    fromMs: startMs,
    toMs: startMs + durationMs,
    sentBytes: bytes,
    ...(stopped ? {} : { dirtiedBytes: dirtiedPages * ram.pageSize }),
    ...(throttle === undefined ? {} : { throttle }),
  };
}

/** The downtime begins with the pause, which comes before the harvest whose pages the last entry of the rounds sends. */
function downtimeOf({ rounds, downtimeMs, downtimeParts }: RunResult): Span | undefined {
  const last = rounds.find(({ stopped }) => stopped);
  if (!last || downtimeMs === undefined || !downtimeParts) return undefined;
  const fromMs = last.startMs - downtimeParts.pauseMs - downtimeParts.lastHarvestMs;
  return { fromMs, toMs: fromMs + downtimeMs };
}

function postcopyOf({ ram, totalTimeMs }: RunResult, downtime: Span | undefined): ChartRound[] {
  if (!downtime || ram.postcopyBytes === 0) return [];
  return [
    {
      label: 'post-copy',
      fromMs: downtime.toMs,
      toMs: totalTimeMs,
      sentBytes: ram.postcopyBytes,
    },
  ];
}
