import { ACCESS_READ_BIT } from '../memory/kernels/abi.ts';
import { Generator } from '../random/generator.ts';
import type { TraceFile, TraceRuns } from './trace-file.ts';

/** A trace of accesses, which lists the pages of each interval, each page once. */
export interface TraceIntervals {
  readonly intervalNs: number;
  /** The gfn after the last page that any interval lists. */
  readonly endGfn: number;
  /** For every interval its gfns; those of pages that were only read have ACCESS_READ_BIT set. */
  readonly intervals: readonly Uint32Array[];
}

/**
 * Returns the intervals of a trace, from the pages written (`dirty`) and, if given, the pages read or written
 * (`touched`): a page that is touched but not dirty was read. The true order of the pages of an interval is unknown, so
 * they are shuffled by (seed, interval).
 */
export function traceIntervals(
  dirty: TraceFile,
  seed: number,
  touched?: TraceFile,
): TraceIntervals {
  let endGfn = 0;
  const intervals = (touched ?? dirty).runs.map((runs, index) => {
    for (const one of [runs, dirty.runs[index] ?? []]) {
      const last = one.length - 2;
      if (last >= 0) endGfn = Math.max(endGfn, one[last]! + one[last + 1]!);
    }
    const list = touched ? pagesOf(runs, dirty.runs[index] ?? []) : expand(runs);
    new Generator(seed, index, 0x7ace).shuffle(list);
    return list;
  });
  return { intervalNs: dirty.intervalMs * 1e6, endGfn, intervals };
}

/** Returns the pages of runs, in ascending order. */
function expand(runs: TraceRuns): Uint32Array {
  const list = new Uint32Array(pagesIn(runs));
  let count = 0;
  for (let i = 0; i < runs.length; i += 2) {
    for (let k = 0; k < runs[i + 1]!; k++) list[count++] = runs[i]! + k;
  }
  return list;
}

/**
 * Returns the pages of an interval: those touched, of which the ones not written are reads, and then those that were
 * written and are missing among the touched, so that no write is dropped.
 */
function pagesOf(touched: TraceRuns, written: TraceRuns): Uint32Array {
  const list = new Uint32Array(pagesIn(touched) + pagesIn(written));
  const isWritten = new Ascent(written);
  const isTouched = new Ascent(touched);
  let count = 0;
  for (let i = 0; i < touched.length; i += 2) {
    for (let gfn = touched[i]!; gfn < touched[i]! + touched[i + 1]!; gfn++) {
      list[count++] = isWritten.has(gfn) ? gfn : gfn | ACCESS_READ_BIT;
    }
  }
  for (let i = 0; i < written.length; i += 2) {
    for (let gfn = written[i]!; gfn < written[i]! + written[i + 1]!; gfn++) {
      if (!isTouched.has(gfn)) list[count++] = gfn;
    }
  }
  return list.slice(0, count);
}

function pagesIn(runs: TraceRuns): number {
  let pages = 0;
  for (let i = 1; i < runs.length; i += 2) pages += runs[i]!;
  return pages;
}

/** Says which pages lie in runs, for pages that are asked for in ascending order. */
class Ascent {
  readonly #runs: TraceRuns;
  #at = 0;

  constructor(runs: TraceRuns) {
    this.#runs = runs;
  }

  has(gfn: number): boolean {
    const runs = this.#runs;
    while (this.#at < runs.length && runs[this.#at]! + runs[this.#at + 1]! <= gfn) this.#at += 2;
    return this.#at < runs.length && runs[this.#at]! <= gfn;
  }
}

/** One stream's part of a trace. */
export interface TraceShare {
  /** Its accesses in order, one interval after another. */
  readonly list: Uint32Array;
  /** The index in `list` at which each interval begins, and at the end the length of `list`. */
  readonly starts: Uint32Array;
}

/**
 * Returns one vCPU's part of a trace that is split over `count` vCPUs: the pages whose gfn modulo `count` is `index`.
 * Only those of [offset, offset + pages), a part of the region, are taken, and their gfns count from `offset`.
 */
export function traceShare(
  trace: TraceIntervals,
  index: number,
  count: number,
  offset = 0,
  pages = Infinity,
): TraceShare {
  const parts = trace.intervals.map((gfns) =>
    gfns
      .filter((entry) => {
        const gfn = entry & 0x7fffffff;
        return gfn % count === index && gfn >= offset && gfn < offset + pages;
      })
      .map((entry) => entry - offset),
  );
  const starts = new Uint32Array(parts.length + 1);
  parts.forEach((part, i) => (starts[i + 1] = starts[i]! + part.length));
  const list = new Uint32Array(starts[parts.length]!);
  parts.forEach((part, i) => list.set(part, starts[i]));
  return { list, starts };
}
