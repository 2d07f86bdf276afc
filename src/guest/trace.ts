import { gunzipSync } from 'node:zlib';
import { Generator } from '../random/generator.ts';
import { ACCESS_READ_BIT } from '../memory/kernels/abi.ts';

/** A trace of accesses, which lists the pages of each interval, each page once. */
export interface TraceIntervals {
  readonly intervalNs: number;
  /** The gfn after the last page that any interval lists. */
  readonly endGfn: number;
  /** For every interval its gfns; those of pages that were only read have ACCESS_READ_BIT set. */
  readonly intervals: readonly Uint32Array[];
}

/** The contents of a trace file. */
export interface TraceFile {
  readonly intervalMs: number;
  readonly pageSize: number;
  /** For every interval its runs of pages in ascending order, as a flat list of (first gfn, count) pairs. */
  readonly runs: readonly (readonly number[])[];
}

/** A trace is not in order; the message has no subject, for the caller to put the file's name before it. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
}

const MAX_TRACE_BYTES = 256 * 1024 * 1024;

/**
 * Parses a `pageferry/trace@1` file: text lines in gzip, first a JSON header, then a JSON array for every interval.
 * Throws TraceError, which names the line, when something is wrong.
 */
export function parseTrace(bytes: Uint8Array): TraceFile {
  let text: string;
  try {
    text = gunzipSync(bytes, { maxOutputLength: MAX_TRACE_BYTES }).toString('utf8');
  } catch (cause) {
    throw new TraceError('is not a gzip file of a page trace', { cause });
  }
  const lines = text.trimEnd().split('\n');
  const header = parseLine(lines[0] ?? '', 1) as Partial<Record<string, unknown>> | null;
  if (header?.['format'] !== 'pageferry/trace@1') {
    throw new TraceError('line 1: expected a header with format "pageferry/trace@1"');
  }
  const { intervalMs, pageSize } = header;
  if (typeof intervalMs !== 'number' || !(intervalMs > 0)) {
    throw new TraceError('line 1: expected intervalMs, a number of milliseconds above 0');
  }
  if (typeof pageSize !== 'number' || !Number.isSafeInteger(pageSize) || pageSize <= 0) {
    throw new TraceError('line 1: expected pageSize, a number of bytes');
  }
  const runs = lines.slice(1).map((line, i) => checkRuns(parseLine(line, i + 2), i + 2));
  if (runs.length === 0) throw new TraceError('has no interval');
  return { intervalMs, pageSize, runs };
}

/** What a user's own function that makes a trace is told. */
export interface TraceFacts {
  /** The scenario's seed. The same seed has to make the same trace. */
  readonly seed: number;
  /** The number of pages of the workload's region; the trace's gfns count from its start. */
  readonly pages: number;
  readonly pageSize: number;
}

/** The result of such a function: for each interval a list like a line of a trace file. */
export interface OwnTrace {
  readonly intervalMs: number;
  /** For each interval the runs of pages written, [first gfn, count, ...], ascending. */
  readonly written: readonly (readonly number[])[];
  /** The same for the pages read or written; when absent, no page is only read. */
  readonly touched?: readonly (readonly number[])[];
}

/** A user's own function that makes a trace; `options` are those of the scenario. */
export type TraceFactory = (
  options: Readonly<Record<string, unknown>>,
  facts: TraceFacts,
) => OwnTrace;

/** Checks what a function has made and returns it as trace files. Throws TraceError when it is no trace. */
export function checkOwnTrace(
  made: unknown,
  pageSize: number,
): { readonly dirty: TraceFile; readonly touched?: TraceFile } {
  const { intervalMs, written, touched } = (made ?? {}) as Partial<Record<string, unknown>>;
  if (typeof intervalMs !== 'number' || !(intervalMs > 0)) {
    throw new TraceError('expected intervalMs, a number of milliseconds above 0');
  }
  const listOf = (runs: unknown, name: string): TraceFile => {
    if (!Array.isArray(runs) || runs.length === 0) {
      throw new TraceError(`expected ${name}, a list with an entry for each interval`);
    }
    return { intervalMs, pageSize, runs: runs.map((one, i) => checkRuns(one, i + 1)) };
  };
  const dirty = listOf(written, 'written');
  return touched === undefined ? { dirty } : { dirty, touched: listOf(touched, 'touched') };
}

function parseLine(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (cause) {
    throw new TraceError(`line ${number}: is not JSON`, { cause });
  }
}

function checkRuns(value: unknown, line: number): number[] {
  const isPairs = Array.isArray(value) && value.length % 2 === 0;
  if (!isPairs || !value.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw new TraceError(`line ${line}: expected [gfnStart, count, ...] pairs`);
  }
  const runs = value as number[];
  for (let i = 0; i < runs.length; i += 2) {
    const previousEnd = i === 0 ? 0 : runs[i - 2]! + runs[i - 1]!;
    if (runs[i]! < previousEnd || runs[i + 1]! < 1 || runs[i]! + runs[i + 1]! > 0x7fffffff) {
      throw new TraceError(`line ${line}: runs must be ascending, disjoint and not empty`);
    }
  }
  return runs;
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
    const written = new Set(touched ? expand(dirty.runs[index] ?? []) : []);
    // A dirty page counts as touched even if the file of touched pages lacks it, so that no write is dropped.
    const gfns = [...new Set([...expand(runs), ...written])];
    for (const gfn of gfns) endGfn = Math.max(endGfn, gfn + 1);
    const list = gfns.map((gfn) => (touched && !written.has(gfn) ? gfn | ACCESS_READ_BIT : gfn));
    const shuffled = Uint32Array.from(list, (entry) => entry >>> 0);
    new Generator(seed, index, 0x7ace).shuffle(shuffled);
    return shuffled;
  });
  return { intervalNs: dirty.intervalMs * 1e6, endGfn, intervals };
}

function expand(runs: readonly number[]): number[] {
  const gfns: number[] = [];
  for (let i = 0; i < runs.length; i += 2) {
    for (let k = 0; k < runs[i + 1]!; k++) gfns.push(runs[i]! + k);
  }
  return gfns;
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
