import { ACCESS_BATCH } from '../memory/kernels/abi.ts';

/** When a stream's accesses are due; plain data, so that it crosses a message port. */
export interface PaceSpec {
  readonly fromNs: number;
  readonly untilNs: number;
  readonly pace:
    | { readonly kind: 'max' }
    | { readonly kind: 'even'; readonly perNs: number }
    | { readonly kind: 'tick'; readonly perNs: number; readonly tickNs: number }
    | {
        readonly kind: 'trace';
        readonly intervalNs: number;
        readonly starts: Uint32Array;
        readonly loop: boolean;
      };
}

/** Scheduling lag of the emulator is made up to this; what a stop or a throttle takes is not. */
export const MADE_UP_LAG_NS = 10e6;

/** Doubles of pacing state a stream keeps: accesses owed, and the trace's own time. */
export const PACE_DOUBLES = 2;

/**
 * How many accesses of one stream are due. The state lies in shared memory at `at`, since it moves
 * with the guest; guest time excludes stops.
 */
export class Pacer {
  readonly #spec: PaceSpec;
  readonly #state: Float64Array;
  readonly #at: number;

  constructor(spec: PaceSpec, state: Float64Array, at: number) {
    this.#spec = spec;
    this.#state = state;
    this.#at = at;
  }

  /**
   * Guest time passed from `startNs` to `endNs` while the vCPU ran (or lagged). Every access of that
   * time is due now; `forgetLag` limits what is made up.
   */
  advance(startNs: number, endNs: number): void {
    const { pace, fromNs, untilNs } = this.#spec;
    const from = Math.max(startNs, fromNs);
    const to = Math.min(endNs, untilNs);
    if (to <= from) return;
    const state = this.#state;
    if (pace.kind === 'even') state[this.#at]! += (to - from) * pace.perNs;
    else if (pace.kind === 'tick') state[this.#at]! += ticksDue(pace, from - fromNs, to - fromNs);
    else if (pace.kind === 'trace') state[this.#at + 1]! += to - from;
  }

  /** Drops what is due for longer than 10 ms, of a stream that has made `done` accesses. */
  forgetLag(done: number): void {
    const { pace } = this.#spec;
    if (pace.kind === 'even') {
      // One more than that: the access that is due when a slow stream wakes a little late.
      this.#atMost(this.#at, 1 + pace.perNs * MADE_UP_LAG_NS);
    } else if (pace.kind === 'tick') {
      const ticks = Math.max(1, Math.floor(MADE_UP_LAG_NS / pace.tickNs));
      this.#atMost(this.#at, Math.ceil(pace.perNs * pace.tickNs * (ticks + 1)));
    } else if (pace.kind === 'trace') {
      // A late trace stretches: its time waits for the access that is due.
      this.#atMost(this.#at + 1, traceDueNs(pace, done) + MADE_UP_LAG_NS);
    }
  }

  /**
   * The vCPU did not run for `gapNs` (a stop, or the sleep of a throttle) that began at guest time
   * `guestNs`. Nothing is made up, except that a missed tick stays pending and runs at once.
   */
  missed(guestNs: number, gapNs: number): void {
    const { pace, fromNs, untilNs } = this.#spec;
    if (pace.kind !== 'tick' || guestNs < fromNs || guestNs >= untilNs) return;
    const missed = ticksDue(pace, guestNs - fromNs, guestNs - fromNs + gapNs);
    const burst = Math.ceil(pace.perNs * pace.tickNs);
    // A burst once begun is finished as well: what is owed already stays.
    this.#state[this.#at]! += Math.min(missed, burst);
  }

  /** Accesses due now, at guest time `guestNs`, of a stream that has made `done`. */
  due(guestNs: number, done: number): number {
    const { pace, fromNs, untilNs } = this.#spec;
    if (pace.kind === 'max') return guestNs >= fromNs && guestNs < untilNs ? ACCESS_BATCH : 0;
    if (pace.kind === 'trace' && guestNs < fromNs) return 0;
    if (pace.kind === 'trace')
      return Math.max(0, traceDue(pace, this.#state[this.#at + 1]!) - done);
    return Math.floor(this.#state[this.#at]!);
  }

  spend(accesses: number): void {
    const { kind } = this.#spec.pace;
    if (kind === 'even' || kind === 'tick') this.#state[this.#at]! -= accesses;
  }

  /** Guest nanoseconds until the next access is due; Infinity when none will be. */
  nextDueInNs(guestNs: number, done: number): number {
    const { pace, fromNs, untilNs } = this.#spec;
    if (guestNs < fromNs) return fromNs - guestNs;
    if (guestNs >= untilNs) return Infinity;
    if (pace.kind === 'max') return 0;
    if (pace.kind === 'trace') return traceDueNs(pace, done) - this.#state[this.#at + 1]!;
    if (pace.kind === 'tick') return pace.tickNs - ((guestNs - fromNs) % pace.tickNs);
    return (1 - (this.#state[this.#at]! % 1)) / pace.perNs;
  }

  #atMost(at: number, most: number): void {
    if (this.#state[at]! > most) this.#state[at] = most;
  }
}

/** Accesses of the bursts whose ticks fall into (start, end]. */
function ticksDue(pace: { perNs: number; tickNs: number }, startNs: number, endNs: number): number {
  const perTick = pace.perNs * pace.tickNs;
  const before = Math.floor(startNs / pace.tickNs);
  const after = Math.floor(endNs / pace.tickNs);
  return Math.floor(after * perTick) - Math.floor(before * perTick);
}

type TracePace = Extract<PaceSpec['pace'], { kind: 'trace' }>;

/** Accesses due when `ns` of the trace's time have passed: spread evenly over each interval. */
export function traceDue(pace: TracePace, ns: number): number {
  const intervals = pace.starts.length - 1;
  const total = pace.starts[intervals]!;
  const lengthNs = intervals * pace.intervalNs;
  const loops = Math.floor(ns / lengthNs);
  if (!pace.loop && loops >= 1) return total;
  const rest = ns - loops * lengthNs;
  const index = Math.min(intervals - 1, Math.floor(rest / pace.intervalNs));
  const first = pace.starts[index]!;
  const count = pace.starts[index + 1]! - first;
  const into = (rest - index * pace.intervalNs) / pace.intervalNs;
  return loops * total + first + Math.min(count, Math.floor(into * count) + (count > 0 ? 1 : 0));
}

/** The trace time at which access number `n` (from 0) is due; Infinity past the end. */
export function traceDueNs(pace: TracePace, n: number): number {
  const intervals = pace.starts.length - 1;
  const total = pace.starts[intervals]!;
  if (total === 0 || (!pace.loop && n >= total)) return Infinity;
  const loops = Math.floor(n / total);
  const rest = n - loops * total;
  let low = 0;
  let high = intervals - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (pace.starts[middle]! <= rest) low = middle;
    else high = middle - 1;
  }
  const count = pace.starts[low + 1]! - pace.starts[low]!;
  const into = (rest - pace.starts[low]!) / count;
  return (loops * intervals + low + into) * pace.intervalNs;
}
