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
/** A bitmap that is harvested without vectors. */
export const MAP_WORDS = 3;

/**
 * C kernels that do the work of ours on the same memory. `memory` is a Uint8Array over the whole buffer
 * of a WASM memory; places in it are byte offsets, and lengths are bytes. Arguments are not checked.
 */
export interface Reference {
  /** Whether this processor and this build can copy in that way. */
  canCopy(way: number): boolean;
  /** The address at which a memory begins, modulo 1 GiB. */
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
  /** Harvests maps into bitmaps of `bytes` bytes; `pairs` lists (map, bitmap). Returns how many bits are new. */
  harvest(memory: Uint8Array, kind: number, pairs: Uint32Array, bytes: number): number;
  /**
   * Takes all pages out of a set, in run lists of at most `maxRuns` runs, each written to `out` over the
   * one before. Returns how many runs there were.
   */
  drainRuns(memory: Uint8Array, bits: number, pages: number, maxRuns: number, out: number): number;
  /** Counts the zero pages among `count` pages. */
  zeroPages(memory: Uint8Array, at: number, bytes: number, count: number): number;
  /** Counts the zero pages in runs of (first page, pages). */
  zeroRuns(ram: Uint8Array, runs: Uint32Array, bytes: number): number;
  /** Returns the offset of the first byte that differs; -1 when none does. */
  firstDifference(memory: Uint8Array, a: number, b: number, bytes: number): number;
  /** Computes our own 64-bit sums of `count` pages. */
  pageSums(memory: Uint8Array, at: number, bytes: number, count: number, out: number): void;
  /** Computes 64-bit sums of `count` pages with XXH3's loop. */
  xxh3Sums(memory: Uint8Array, at: number, bytes: number, count: number, out: number): void;
  /** Writes the stream's next `batch` accesses to `list` and makes them, `batches` times. */
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

/** The reference, or the reason for which there is none. */
export type LoadedReference =
  | { readonly kernels: Reference; readonly reason?: undefined }
  | { readonly kernels?: undefined; readonly reason: string };

/** The C source; the compiled form of this file is dist-bench/reference.js, and bench/ lies beside that folder. */
const SOURCE = fileURLToPath(new URL('../bench/reference', import.meta.url));
const OUT = fileURLToPath(new URL('./reference', import.meta.url));

/** Builds the reference if necessary and loads it. */
export function loadReference(): LoadedReference {
  if (process.env['PAGEFERRY_BENCH_NO_C']) return { reason: 'C is switched off' };
  if (!isThere('cc')) return { reason: 'there is no C compiler' };
  if (!isThere('make')) return { reason: 'there is no make' };
  const made = spawnSync('make', ['-C', SOURCE, `OUT=${OUT}`], { encoding: 'utf8' });
  if (made.status !== 0) {
    // If the C code does not compile, the bench goes on without it, but fails in the end.
    console.error(made.stderr);
    process.exitCode = 1;
    return { reason: 'C does not compile' };
  }
  return { kernels: createRequire(import.meta.url)(`${OUT}/reference.node`) as Reference };
}

function isThere(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}
