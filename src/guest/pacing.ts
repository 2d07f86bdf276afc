import { ACCESS_BATCH } from '../memory/kernels/abi.ts';

/**
 * Says when a stream's accesses are due, between the guest times `fromNs` and `untilNs`: at any time (`max`), evenly
 * (`even`), in bursts (`tick`), or as a trace says, whose interval i has the accesses starts[i] to starts[i + 1].
 * `perNs` is accesses a nanosecond. It is plain data, so that it can be sent through a message port.
 */
export interface PaceSpec {
  readonly fromNs: number;
  readonly untilNs: number;
  /** Accesses stay due for so long when the vCPU is throttled, blocked or robbed of its CPU; not at all when absent. */
  readonly catchUpNs?: number;
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

/** The most scheduling lag of the emulator that is made up for in any case; the time of a stop never is. */
export const MADE_UP_LAG_NS = 10e6;

/** The number of doubles of a stream's pacing state: the accesses that are due, and the time of its trace. */
export const PACE_DOUBLES = 2;

/**
 * Works out how many accesses of one group of streams are due. Its state lies in shared memory from index `at` on,
 * since it moves with the guest. Guest time excludes stops.
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
   * Notes that guest time has passed from `startNs` to `endNs` while the vCPU ran (or lagged). Every access of that
   * time is due now, until `forgetLag` limits how many are made up for.
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

  /** Drops accesses that have been due for longer than 10 ms and `catchUpNs`; `done` is how many have been made so far. */
  forgetLag(done: number): void {
    const { pace, catchUpNs = 0 } = this.#spec;
    const keptNs = MADE_UP_LAG_NS + catchUpNs;
    if (pace.kind === 'even') {
      // One more access stays: the one that is due when a slow stream wakes a little late.
      this.#atMost(this.#at, 1 + pace.perNs * keptNs);
    } else if (pace.kind === 'tick') {
      const ticks = Math.max(1, Math.floor(keptNs / pace.tickNs));
      this.#atMost(this.#at, Math.ceil(pace.perNs * pace.tickNs * (ticks + 1)));
    } else if (pace.kind === 'trace') {
      // A trace that is later than that stretches: its own time waits for the access that is due.
      this.#atMost(this.#at + 1, traceDueNs(pace, done) + keptNs);
    }
  }

  /**
   * Notes that the vCPU was throttled, blocked or robbed of its CPU for `gapNs`, from guest time `guestNs` on. The
   * accesses of that time stay due as far as `catchUpNs` allows, which `forgetLag` sees to; without it they are missed.
   */
  held(guestNs: number, gapNs: number): void {
    if (this.#spec.catchUpNs !== undefined) this.advance(guestNs, guestNs + gapNs);
    else this.missed(guestNs, gapNs);
  }

  /**
   * Notes that the vCPU did not run for `gapNs`, from guest time `guestNs` on. Accesses of that time are not made up for,
   * except that one missed tick stays pending and runs at once.
   */
  missed(guestNs: number, gapNs: number): void {
    const { pace, fromNs, untilNs } = this.#spec;
    if (pace.kind !== 'tick' || guestNs < fromNs || guestNs >= untilNs) return;
    const missed = ticksDue(pace, guestNs - fromNs, guestNs - fromNs + gapNs);
    const burst = Math.ceil(pace.perNs * pace.tickNs);
    // A burst that has begun is finished too, so the accesses that are due already stay.
    this.#state[this.#at]! += Math.min(missed, burst);
  }

  /** Makes so many more accesses due, behind those that are: work that somebody else asks for. */
  owe(accesses: number): void {
    this.#state[this.#at]! += accesses;
  }

  /** Returns how many accesses are due at guest time `guestNs`, when `done` have been made. */
  due(guestNs: number, done: number): number {
    const { pace, fromNs, untilNs } = this.#spec;
    if (pace.kind === 'max') return guestNs >= fromNs && guestNs < untilNs ? ACCESS_BATCH : 0;
    if (pace.kind === 'trace' && guestNs < fromNs) return 0;
    if (pace.kind === 'trace')
      return Math.max(0, traceDue(pace, this.#state[this.#at + 1]!) - done);
    return Math.floor(this.#state[this.#at]!);
  }

  /** Notes that so many of the accesses that were due have been made. */
  spend(accesses: number): void {
    const { kind } = this.#spec.pace;
    if (kind === 'even' || kind === 'tick') this.#state[this.#at]! -= accesses;
  }

  /** How many accesses are due, with a fraction of the next one; undefined for a pace that counts no such number. */
  get owed(): number | undefined {
    const { kind } = this.#spec.pace;
    return kind === 'even' || kind === 'tick' ? this.#state[this.#at]! : undefined;
  }

  /** Sets how many accesses are due, after some of those that were `owed` have been made. */
  leave(owed: number): void {
    this.#state[this.#at] = owed;
  }

  /** Returns the guest time until the next access is due; Infinity when none will be. */
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

/** Returns how many accesses the bursts have whose ticks fall into (startNs, endNs]. */
function ticksDue(pace: { perNs: number; tickNs: number }, startNs: number, endNs: number): number {
  const perTick = pace.perNs * pace.tickNs;
  const before = Math.floor(startNs / pace.tickNs);
  const after = Math.floor(endNs / pace.tickNs);
  return Math.floor(after * perTick) - Math.floor(before * perTick);
}

type TracePace = Extract<PaceSpec['pace'], { kind: 'trace' }>;

/** Returns how many accesses are due when `ns` of the trace's time have passed; they spread evenly over an interval. */
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

/** Returns the trace's time at which access number `n` (from 0) is due; Infinity when there is no such access. */
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
