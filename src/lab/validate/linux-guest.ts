import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { TraceIntervals } from '../../guest/trace.ts';
import type { Workload } from '../../guest/workload.ts';
import type { Contents } from '../../memory/contents/contents.ts';
import { ACCESS_READ_BIT } from '../../memory/kernels/abi.ts';
import { ResolveError } from '../../scenario/resolve-error.ts';
import { TraceReader } from '../../scenario/traces.ts';
import { MeasuredFileError, type MeasuredRun, MIB_PAGES, PAGE } from './measured.ts';

/**
 * The share of zero pages in the memory of the measured Debian guests when their migration begins, by workload. They
 * were counted in images of these guests (docs/validate.md).
 */
const ZERO_SHARES: Readonly<Record<string, number>> = {
  idle: 0.551,
  log: 0.551,
  build: 0.548,
  redis: 0.46,
  hot: 0.416,
};

/**
 * The CPU time that a paced guest under TCG needs for a page that it writes, with all that its program and its kernel do
 * around it. It bounds how fast the guest works off what a throttle held up: guests that write 4000 pages a second
 * were measured to hold that rate up to throttles of 70 to 90 %, which leave 25 to 75 us a page.
 */
export const LINUX_ACCESS_NS = 30e3;

/** A page of page tables maps so many pages. */
const MAPPED_PAGES = 512;
/** Pages of page tables for each 2 MiB of memory that a workload touches: mappings of the program and of the kernel. */
const TABLES_EACH = 1.5;
/** Each sync has TCG clear its TLB, after which walks of the page tables dirty them again within this time. */
const WALK_NS = 10e6;
const SEED = 1;

/** Returns whether a measured guest runs Linux; its workload is a recorded trace. */
export const isLinux = ({ inputs }: MeasuredRun): boolean => inputs.content === 'linux';

/** Returns why the guest's workload can't be played; undefined when it can. */
export function missingTrace({ inputs }: MeasuredRun, folder: string): string | undefined {
  const name = inputs.workload ?? '';
  if (ZERO_SHARES[name] === undefined && inputs.zero_pct === 0) {
    return `the share of zero pages of a Linux guest with workload ${name} is not known: give zero_pct`;
  }
  const path = traceFile(folder, name);
  return existsSync(path) ? undefined : `its trace ${path} is not there`;
}

/** Returns the initial contents of a Linux guest of so many pages. */
export function linuxContents({ inputs }: MeasuredRun, pages: number): Contents[] {
  const known = ZERO_SHARES[inputs.workload ?? ''] ?? 0;
  const zeroShare = inputs.zero_pct > 0 ? inputs.zero_pct / 100 : known;
  return [{ firstGfn: 0, pages, kind: 'random', zeroShare }];
}

/** Returns the workloads of a Linux guest: its trace, and the page tables that TCG dirties at each pass. */
export function linuxWorkloads({ inputs }: MeasuredRun, folder: string): Workload[] {
  const name = inputs.workload ?? '';
  const pages = inputs.ram_mib * MIB_PAGES;
  const intervals = readTrace(folder, name, pages);
  const tables = tablePages(intervals);
  const always = { writes: 1, wordsPerPage: 1, fromNs: 0, untilNs: Infinity };
  return [
    {
      ...always,
      pattern: { kind: 'trace', intervals, speed: 1, end: 'loop' },
      firstGfn: 0,
      pages,
      rate: Infinity,
      catchUpNs: Infinity,
    },
    {
      ...always,
      pattern: { kind: 'sequential' },
      firstGfn: pages - tables,
      pages: tables,
      rate: (tables * 1e9) / WALK_NS,
      tickNs: WALK_NS,
    },
  ];
}

/** Estimates how many pages of page tables the accesses of a trace go through. */
function tablePages({ intervals }: TraceIntervals): number {
  const regions = new Set<number>();
  for (const gfns of intervals) {
    for (const gfn of gfns) regions.add(Math.floor((gfn & ~ACCESS_READ_BIT) / MAPPED_PAGES));
  }
  return Math.round(TABLES_EACH * regions.size);
}

const traceFile = (folder: string, name: string): string =>
  join(folder, 'traces', `${name}.pftrace`);

/** Reads a workload's trace, with the pages that were only read where that file is there. Throws MeasuredFileError. */
function readTrace(folder: string, name: string, pages: number): TraceIntervals {
  const touched = join(folder, 'traces', `${name}.touched.pftrace`);
  const keys = {
    file: traceFile(folder, name),
    ...(existsSync(touched) ? { touched } : {}),
    speed: 1,
    end: 'loop' as const,
  };
  try {
    return new TraceReader().read(keys, { seed: SEED, pages, pageSize: PAGE }, () => '.', []);
  } catch (error) {
    if (!(error instanceof ResolveError)) throw error;
    throw new MeasuredFileError(error.message, { cause: error });
  }
}
