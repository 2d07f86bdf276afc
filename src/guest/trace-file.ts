import { gunzipSync } from 'node:zlib';
import { formatSize } from '../units/size.ts';

/** The runs of pages of an interval in ascending order, as a flat list of (first gfn, count) pairs. */
export type TraceRuns = ArrayLike<number>;

/** The contents of a trace file. */
export interface TraceFile {
  readonly intervalMs: number;
  readonly pageSize: number;
  readonly runs: readonly TraceRuns[];
}

/** A trace is not in order; the message has no subject, for the caller to put the file's name before it. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
}

/** The most that is read of a trace. */
export interface TraceLimits {
  /** The bytes of the file, as it is and unpacked. */
  readonly bytes: number;
  /** The number of intervals: more than a day in tenths of a second. */
  readonly intervals: number;
  /** The number of runs of pages in all intervals together. */
  readonly runs: number;
  /** The number of accesses of all traces of a scenario in one go, and of their intervals, together. */
  readonly accesses: number;
}

export const TRACE_LIMITS: TraceLimits = {
  bytes: 256 * 1024 * 1024,
  intervals: 1024 * 1024,
  runs: 16 * 1024 * 1024,
  accesses: 64 * 1024 * 1024,
};

/** A longer line is read as a list of whole numbers alone, and never as any other JSON. */
const MOST_JSON_BYTES = 65536;
const PAIRS = 'expected [gfnStart, count, ...] pairs';

/**
 * Parses a `pageferry/trace@1` file: text lines in gzip, first a JSON header, then a JSON array for every interval.
 * Throws TraceError, which names the line, when something is wrong or when there is more than the limits allow; what
 * is too much is found before memory is taken for it.
 */
export function parseTrace(bytes: Uint8Array, limits: TraceLimits = TRACE_LIMITS): TraceFile {
  const text = unpacked(bytes, limits.bytes);
  const end = endOf(text);
  if (linesIn(text, end) > limits.intervals + 1) {
    throw new TraceError(tooMany('intervals', limits.intervals));
  }
  const lineEnd = (from: number): number => {
    const at = text.indexOf(NEWLINE, from);
    return at < 0 || at > end ? end : at;
  };
  let to = lineEnd(0);
  const { intervalMs, pageSize } = headerOf(parseJson(text, 0, to, 1));
  const runs: TraceRuns[] = [];
  const reader = new RunReader(text, limits.runs);
  while (to < end) {
    const from = to + 1;
    to = lineEnd(from);
    const line = runs.length + 2;
    const list = reader.read(from, to, line);
    runs.push(list ?? checkRuns(parseJson(text, from, to, line), line));
  }
  if (runs.length === 0) throw new TraceError('has no interval');
  return { intervalMs, pageSize, runs };
}

const [NEWLINE, SPACE, COMMA, ZERO, NINE] = [10, 32, 44, 48, 57];
const [OPEN, CLOSE] = [91, 93];

const tooMany = (what: string, most: number): string =>
  `has more than ${most} ${what}, which is the most that is read: cut it into shorter traces`;

function unpacked(bytes: Uint8Array, mostBytes: number): Buffer {
  try {
    return gunzipSync(bytes, { maxOutputLength: mostBytes });
  } catch (cause) {
    const isLong = (cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    const sentence = isLong
      ? `unpacks to more than ${formatSize(mostBytes)}, which is the most that is read: cut it into shorter traces`
      : 'is not a gzip file of a page trace';
    throw new TraceError(sentence, { cause });
  }
}

/** Returns where a text ends, apart from white space. */
function endOf(text: Uint8Array): number {
  let end = text.length;
  while (end > 0 && text[end - 1]! <= SPACE) end--;
  return end;
}

/** Returns how many lines a text has. */
function linesIn(text: Uint8Array, end: number): number {
  let lines = 1;
  for (let i = 0; i < end; i++) if (text[i] === NEWLINE) lines++;
  return lines;
}

function headerOf(value: unknown): { intervalMs: number; pageSize: number } {
  const header = value as Partial<Record<string, unknown>> | null;
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
  return { intervalMs, pageSize };
}

function parseJson(text: Buffer, from: number, to: number, line: number): unknown {
  if (to - from > MOST_JSON_BYTES) throw new TraceError(`line ${line}: ${PAIRS}`);
  try {
    return JSON.parse(text.toString('utf8', from, to));
  } catch (cause) {
    throw new TraceError(`line ${line}: is not JSON`, { cause });
  }
}

/** Reads lines such as `[0, 4, 8, 1]` without making a number's object or a text of them. */
class RunReader {
  readonly #text: Uint8Array;
  readonly #mostRuns: number;
  #numbers = new Uint32Array(1024);
  /** How many runs the lines so far have. */
  #runs = 0;

  constructor(text: Uint8Array, mostRuns: number) {
    this.#text = text;
    this.#mostRuns = mostRuns;
  }

  /**
   * Reads the runs of a line. Returns undefined when it is anything but a list of whole numbers without a sign; throws
   * TraceError when the numbers are no runs, or too many.
   */
  read(from: number, to: number, line: number): Uint32Array | undefined {
    const text = this.#text;
    let at = skipSpace(text, from, to);
    if (text[at] !== OPEN) return undefined;
    at = skipSpace(text, at + 1, to);
    let count = 0;
    while (at < to && text[at] !== CLOSE) {
      if (count > 0) {
        if (text[at] !== COMMA) return undefined;
        at = skipSpace(text, at + 1, to);
      }
      const first = at;
      let number = 0;
      for (; at < to && text[at]! >= ZERO && text[at]! <= NINE; at++) {
        number = number * 10 + (text[at]! - ZERO);
      }
      if (at === first || (at > first + 1 && text[first] === ZERO)) return undefined;
      this.#add(count++, Math.min(number, 0xffffffff));
      at = skipSpace(text, at, to);
    }
    if (at >= to || skipSpace(text, at + 1, to) < to) return undefined;
    const runs = this.#numbers.slice(0, count);
    checkRuns(runs, line);
    this.#runs += count / 2;
    return runs;
  }

  #add(index: number, number: number): void {
    const most = this.#mostRuns;
    if (this.#runs + index / 2 >= most) throw new TraceError(tooMany('runs', most));
    if (index === this.#numbers.length) {
      const longer = new Uint32Array(2 * index);
      longer.set(this.#numbers);
      this.#numbers = longer;
    }
    this.#numbers[index] = number;
  }
}

/** Returns the first byte from `at` on that is no space within a line, or `to`. */
function skipSpace(text: Uint8Array, at: number, to: number): number {
  while (at < to && text[at]! <= SPACE) at++;
  return at;
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
    const most = TRACE_LIMITS.intervals;
    if (runs.length > most) throw new TraceError(`${name} ${tooMany('intervals', most)}`);
    return { intervalMs, pageSize, runs: runs.map((one, i) => checkRuns(one, i + 1)) };
  };
  const dirty = listOf(written, 'written');
  return touched === undefined ? { dirty } : { dirty, touched: listOf(touched, 'touched') };
}

/** Returns the value as runs. Throws TraceError when it is none. */
function checkRuns(value: unknown, line: number): TraceRuns {
  if (!isList(value) || value.length % 2 !== 0) throw new TraceError(`line ${line}: ${PAIRS}`);
  for (let i = 0; i < value.length; i++) {
    if (!Number.isSafeInteger(value[i]) || value[i]! < 0) {
      throw new TraceError(`line ${line}: ${PAIRS}`);
    }
  }
  let previousEnd = 0;
  for (let i = 0; i < value.length; i += 2) {
    const [first, count] = [value[i]!, value[i + 1]!];
    if (first < previousEnd || count < 1 || first + count > 0x7fffffff) {
      throw new TraceError(`line ${line}: runs must be ascending, disjoint and not empty`);
    }
    previousEnd = first + count;
  }
  return value;
}

const isList = (value: unknown): value is ArrayLike<number> =>
  Array.isArray(value) || value instanceof Uint32Array;
