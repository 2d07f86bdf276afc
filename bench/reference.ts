import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

/** Ways to copy, numbered as in reference/kernels.h. */
export const COPY_MEMCPY = 0;
export const COPY_REP_MOVSB = 1;
export const COPY_NON_TEMPORAL = 2;

/** Kinds of dirty map, numbered as in reference/kernels.h. */
export const MAP_BITS = 0;
export const MAP_BYTES = 1;
export const MAP_ATOMIC = 2;
/** A bitmap, harvested without vectors. */
export const MAP_WORDS = 3;

/**
 * C kernels that do the jobs of ours on the same memory. A memory is a Uint8Array over the whole
 * buffer of a WASM memory, a place in it a byte offset, a length bytes. Nothing is checked.
 */
export interface Reference {
  canCopy(way: number): boolean;
  /** Where a memory begins, modulo 1 GiB. */
  address(memory: Uint8Array): number;
  /** Copies runs of (first page, pages) to the same offsets modulo `window`, a power of two. */
  copyRuns(
    to: Uint8Array,
    from: Uint8Array,
    runs: Uint32Array,
    pageSize: number,
    window: number,
    way: number,
  ): void;
  /** Harvests maps into targets, listed in pairs, `bytes` long as bitmaps; returns the new bits. */
  harvest(memory: Uint8Array, kind: number, pairs: Uint32Array, bytes: number): number;
  /** Takes a set's pages in run lists of at most `maxRuns`, one over the other; returns the runs. */
  drainRuns(memory: Uint8Array, bits: number, pages: number, maxRuns: number, out: number): number;
  /** How many of `count` pages are zero. */
  zeroPages(memory: Uint8Array, at: number, bytes: number, count: number): number;
  /** How many pages in runs of (first page, pages) are zero. */
  zeroRuns(ram: Uint8Array, runs: Uint32Array, bytes: number): number;
  /** -1 when there is none. */
  firstDifference(memory: Uint8Array, a: number, b: number, bytes: number): number;
  /** Our own page hash of `count` pages. */
  pageSums(memory: Uint8Array, at: number, bytes: number, count: number, out: number): void;
  /** The same with XXH3's loop. */
  xxh3Sums(memory: Uint8Array, at: number, bytes: number, count: number, out: number): void;
  /** `batches` times: the stream's next `batch` accesses to `list`, then doing them. */
  access(
    memory: Uint8Array,
    stream: number,
    batches: number,
    batch: number,
    list: number,
    mark: number,
    map: number,
  ): void;
}

/** The reference, or why there is none. */
export type LoadedReference =
  | { readonly kernels: Reference; readonly reason?: undefined }
  | { readonly kernels?: undefined; readonly reason: string };

/** dist-bench/reference.js looks for its source beside dist-bench/. */
const SOURCE = fileURLToPath(new URL('../bench/reference', import.meta.url));
const OUT = fileURLToPath(new URL('./reference', import.meta.url));

/** Builds what is not built yet and loads it. */
export function loadReference(): LoadedReference {
  if (process.env['PAGEFERRY_BENCH_NO_C']) return { reason: 'C switched off' };
  if (!isThere('cc')) return { reason: 'no C compiler' };
  if (!isThere('make')) return { reason: 'no make' };
  const made = spawnSync('make', ['-C', SOURCE, `OUT=${OUT}`], { encoding: 'utf8' });
  if (made.status !== 0) {
    // A compiler that can't do this is no reason to stop, but one to fail in the end.
    console.error(made.stderr);
    process.exitCode = 1;
    return { reason: 'C does not compile' };
  }
  return { kernels: createRequire(import.meta.url)(`${OUT}/reference.node`) as Reference };
}

function isThere(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}
