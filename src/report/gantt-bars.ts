import type { EvacuationResult, GuestResult } from '../fleet/evacuation/result-schema.ts';
import { formatDuration } from '../units/duration.ts';

export type KindName = 'waiting' | 'pre-copy, round by round' | 'post-copy' | 'downtime';

/** How one kind of bar is drawn. */
export interface Kind {
  readonly name: KindName;
  readonly colour: string;
  /** The colour of every second round. */
  readonly pale: string;
  /** The height, as a share of the row's height. */
  readonly height: number;
  /** The least width in pixels, so that a short bar can be seen; a widened bar keeps its end. */
  readonly leastWidth: number;
  /** Bars with a greater z are drawn over the others. */
  readonly z: number;
}

const plain = { pale: '', leastWidth: 0 };
/** The kinds of bars, in Okabe and Ito's colours, which colour-blind readers can tell apart. */
export const KINDS: readonly Kind[] = [
  { ...plain, name: 'waiting', colour: '#cfcfcf', height: 0.16, z: 1 },
  {
    name: 'pre-copy, round by round',
    colour: '#0072B2',
    pale: '#6CB4E0',
    height: 0.62,
    leastWidth: 0,
    z: 2,
  },
  { ...plain, name: 'post-copy', colour: '#E69F00', height: 0.62, z: 3 },
  { ...plain, name: 'downtime', colour: '#D3000C', height: 0.84, leastWidth: 3, z: 4 },
];

/** A bar in a guest's row. Times are ms since the evacuation's start. */
export interface Bar {
  readonly kind: KindName;
  readonly row: number;
  readonly fromMs: number;
  readonly toMs: number;
  readonly isPale?: boolean;
}

/** The text beside a guest's last bar. */
export interface BarLabel {
  readonly row: number;
  readonly atMs: number;
  readonly text: string;
  readonly isBad: boolean;
}

/** A round that is narrower than this is drawn as a part of the next one. */
const NARROWEST_ROUND_PX = 3;

/**
 * Returns the bars and labels of all guests. Each guest has a row; the rows are in the order of the
 * migrations' starts, and guests whose migration never began are last.
 */
export function barsOf(
  { guests, makespanMs }: EvacuationResult,
  msPerPixel: number,
): { names: string[]; bars: Bar[]; labels: BarLabel[] } {
  const rows = guests
    .map((guest, index) => ({ guest, index }))
    .toSorted((a, b) => {
      const [first, second] = [a.guest.startMs ?? Infinity, b.guest.startMs ?? Infinity];
      return first < second ? -1 : first > second ? 1 : a.index - b.index;
    })
    .map(({ guest }) => guest);
  return {
    names: rows.map(({ name }) => name),
    bars: rows.flatMap((guest, row) => barsOfGuest(guest, row, makespanMs, msPerPixel)),
    labels: rows.map((guest, row) => labelOf(guest, row, makespanMs)),
  };
}

function barsOfGuest(
  guest: GuestResult,
  row: number,
  makespanMs: number,
  msPerPixel: number,
): Bar[] {
  const { startMs, endMs = makespanMs, run } = guest;
  const waitsUntil = startMs ?? makespanMs;
  const bars: Bar[] = waitsUntil > 0 ? [{ kind: 'waiting', row, fromMs: 0, toMs: waitsUntil }] : [];
  if (startMs === undefined || !run) return bars;
  // The guest runs at the destination before the migration's end, by the time in which post-copy sends the rest.
  const runningMs = endMs - (run.resumeTimeMs ?? 0);
  const pausedMs = run.downtimeMs === undefined ? endMs : runningMs - run.downtimeMs;
  bars.push(...roundsOf(run.rounds, row, startMs, pausedMs, msPerPixel));
  if (runningMs < endMs) bars.push({ kind: 'post-copy', row, fromMs: runningMs, toMs: endMs });
  if (run.downtimeMs !== undefined) {
    bars.push({ kind: 'downtime', row, fromMs: pausedMs, toMs: runningMs });
  }
  return bars;
}

/** Returns the bars of the rounds, in alternating shades, from the migration's start to the guest's pause. */
function roundsOf(
  rounds: NonNullable<GuestResult['run']>['rounds'],
  row: number,
  startMs: number,
  pausedMs: number,
  msPerPixel: number,
): Bar[] {
  const ends = rounds
    .filter(({ stopped }) => !stopped)
    .map((round) => Math.min(pausedMs, startMs + round.startMs + round.durationMs));
  const bars: Bar[] = [];
  let fromMs = startMs;
  for (const toMs of [...ends.slice(0, -1), pausedMs]) {
    // A round that is too narrow becomes a part of the next one.
    const isLast = toMs === pausedMs;
    if (toMs - fromMs < NARROWEST_ROUND_PX * msPerPixel && !isLast) continue;
    if (toMs <= fromMs) continue;
    const isPale = bars.length % 2 === 1;
    bars.push({ kind: 'pre-copy, round by round', row, fromMs, toMs, isPale });
    fromMs = toMs;
  }
  return bars;
}

function labelOf(guest: GuestResult, row: number, makespanMs: number): BarLabel {
  const { outcome, run, wasForced, missedDeadline, endMs = makespanMs } = guest;
  const late = missedDeadline ? ', too late' : '';
  if (outcome !== 'completed') {
    const text = outcome === 'waiting' ? 'never began' : `${outcome}: it stayed`;
    return { row, atMs: endMs, text: run?.guestLost ? 'lost' : text, isBad: true };
  }
  const downtime = run?.downtimeMs === undefined ? '' : formatDuration(run.downtimeMs * 1e6);
  const text = `${downtime}${wasForced ? ', forced' : ''}${late}`;
  return { row, atMs: endMs, text, isBad: missedDeadline === true };
}
