import { dirname } from 'node:path';
import { z } from 'zod';
import { ScenarioDocument } from '../../scenario/document.ts';
import { formatKey, InputError, MOST_PROBLEMS, shorten } from '../../scenario/input-error.ts';
import { JsonError, parseJson } from '../../scenario/json.ts';
import { orMissing, plainIssue } from '../../scenario/plain-issue.ts';
import { ReadError, readText } from '../../scenario/read-text.ts';

/**
 * The format of measured migrations, `pageferry/measured@1` (docs/validate.md). A prediction reads
 * only the inputs of a run; its results are only compared with.
 */
const count = z.number().min(0);

export const PAGE = 4096;
export const MIB_PAGES = 256;
/** 1 TiB: a larger guest would not fit into this machine's memory even with backing `versions`. */
const MOST_MIB = 1024 * 1024;

const bareInputs = z.looseObject({
  accel: z.string().default('tcg'),
  ram_mib: z.number().int().min(4).max(MOST_MIB),
  content: z.string(),
  zero_pct: z.number().min(0).max(100).default(0),
  fill_mib: count,
  wws_pages: z.number().int().min(0),
  hot_start: count,
  /** Page writes per second; 0 means as fast as possible, -1 none. */
  rate: z.number().min(-1),
  pattern: z.string(),
  /** With pattern hotspot: so many per cent of the working set get so many per cent of the writes. */
  hot_share_pct: z.number().gt(0).lt(100).default(10),
  hot_access_pct: z.number().min(0).max(100).default(90),
  /** From revision 3 on the guest makes up for ticks that a throttle held up. */
  guest_rev: z.number().int().nullish(),
  /** The workload of a Linux guest, which names its trace. */
  workload: z.string().nullish(),
  words_per_page: z.number().int().min(1).max(512).default(1),
  mode: z.string(),
  /** Bytes per second; 0 means no limit. */
  max_bandwidth: count,
  downtime_limit_ms: count,
  caps: z.array(z.string()).default([]),
  params: z.record(z.string(), z.unknown()).default({}),
  timeout_s: z.number().positive().max(1e6),
  postcopy_after_pass: z.number().int().min(1).default(1),
  /** Bytes per second; 0 means no limit. */
  postcopy_bandwidth: count.default(0),
  /** The size of the cache of XBZRLE, bytes. */
  xbzrle_cache: count.optional(),
  smp: z.number().int().positive().default(1),
});

/** Parameters that are percentages, with the names that QMP's query-migrate-parameters has. */
const PERCENTS = [
  'throttle-trigger-threshold',
  'cpu-throttle-initial',
  'cpu-throttle-increment',
  'max-cpu-throttle',
];

const inputs = bareInputs.superRefine((given, context) => {
  const fail = (path: string[], message: string): void =>
    context.addIssue({ code: 'custom', path, message });
  const end = Math.floor(given.hot_start / PAGE) + given.wws_pages;
  const ramPages = given.ram_mib * MIB_PAGES;
  const isWriting = given.rate >= 0 && given.mode !== 'stopcopy';
  if (isWriting && given.wws_pages > 0 && end > ramPages) {
    fail(
      ['wws_pages'],
      `expected the working set to end within ram_mib, it ends at page ${end} of ${ramPages}`,
    );
  }
  for (const name of PERCENTS) {
    const value = given.params[name];
    if (value === undefined || (typeof value === 'number' && value >= 1 && value <= 100)) continue;
    fail(['params', name], `expected a percentage from 1 to 100, got ${JSON.stringify(value)}`);
  }
});

const derived = z.looseObject({
  transferred: count.nullish(),
  normal: count.nullish(),
  dirty_sync_count: count.nullish(),
  total_time_ms: count.nullish(),
  downtime_ms: count.nullish(),
  downtime_bogus: z.boolean().nullish(),
  cpu_disturbed: z.boolean().nullish(),
});

const run = z.looseObject({
  id: z.string(),
  inputs,
  qemu_version: z.looseObject({ major: z.number().int(), minor: z.number().int() }),
  guest_before: z.looseObject({
    page_writes_per_s: count,
    ticks_per_s: count.default(0),
    writes_total: count.default(0),
  }),
  outcome: z.string(),
  derived,
});

/** A run takes about a kilobyte in a file. */
const MOST_RUNS = 10_000;
const MOST_FILE_BYTES = 16 * 1024 * 1024;

const file = z.looseObject({
  format: z.literal('pageferry/measured@1'),
  host: z.looseObject({
    rawSendBytesPerSecond: z.number().positive(),
    firstSendBytesPerSecond: z.number().positive().optional(),
    hostPacedAboveBytesPerSecond: z.number().positive().default(Infinity),
  }),
  runs: z.array(run).max(MOST_RUNS, {
    error: ({ input }) =>
      `has ${(input as unknown[]).length} runs, at most ${MOST_RUNS} are read: cut it into several files`,
  }),
});

export type MeasuredFile = z.output<typeof file> & {
  /** The folder of the file, in which the traces of Linux guests are looked for. */
  readonly folder: string;
};
export type MeasuredRun = MeasuredFile['runs'][number];
export type MeasuredHost = MeasuredFile['host'];

/** Says that a file of measured runs can't be used; the message says where and why. */
export class MeasuredFileError extends Error {
  override readonly name = 'MeasuredFileError';
}

/** Reads and checks a file of measured runs. Throws MeasuredFileError. */
export function readMeasured(path: string): MeasuredFile {
  const text = read(path);
  const parsed = file.safeParse(parse(path, text), { error: plainIssue });
  if (parsed.success) return { ...parsed.data, folder: dirname(path) };
  const { issues } = parsed.error;
  const placeOf = placesIn(path, text);
  const problems = issues.slice(0, MOST_PROBLEMS).map(({ path: at, message }) => {
    const key = at as (string | number)[];
    return { place: placeOf(key), key: formatKey(key), sentence: shorten(orMissing(message)) };
  });
  const { message } = new InputError(problems, issues.length - problems.length);
  throw new MeasuredFileError(message);
}

/**
 * Returns a function that finds the place of a key. JSON is also YAML, and the YAML parser knows the line and column of
 * everything; of a text that is too long for it the file's name has to do.
 */
function placesIn(path: string, text: string): (key: (string | number)[]) => string {
  try {
    const document = new ScenarioDocument(path, text);
    return (key) => document.place(key, 'value');
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return () => path;
  }
}

function read(path: string): string {
  try {
    return readText(path, MOST_FILE_BYTES);
  } catch (error) {
    if (!(error instanceof ReadError)) throw error;
    throw new MeasuredFileError(`${path}: ${error.message}`);
  }
}

function parse(path: string, text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const place = error.place === undefined ? path : `${path}:${error.place}`;
    throw new MeasuredFileError(`${place}: ${error.message}`);
  }
}
