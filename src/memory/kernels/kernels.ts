/**
 * The hot loops of guest memory, all on one memory: the WASM kernels and their TypeScript twin
 * implement this interface and agree to the bit. Every address is a byte offset in that memory,
 * every length is in bytes; nothing here allocates or checks bounds beyond the memory's own.
 */
export interface Kernels {
  /** Writes the stream's next `count` accesses to `out`, u32 each: gfn, and ACCESS_READ_BIT for a read. */
  nextGfns(stream: number, count: number, out: number): void;
  /** Performs `count` listed accesses and advances the stream: data first, then the mark. */
  touch(stream: number, count: number, gfns: number, mark: number, map: number): void;
  /** Moves the marks of a quiet map into `target`; returns how many bits are new there. */
  mergeAndClear(map: number, target: number, bytes: number): number;
  /** The same for a map that other threads go on marking atomically. */
  mergeAndClearAtomic(map: number, target: number, bytes: number): number;
  popcount(map: number, bytes: number): number;
  /** Takes pages out of a set as runs; see RUNS_* in abi.ts for what lands at `out`. Returns the number of runs. */
  takeRuns(
    bits: number,
    from: number,
    end: number,
    maxPages: number,
    maxRuns: number,
    maps: number,
    mapCount: number,
    out: number,
  ): number;
  /** `bytes` is a multiple of 128. */
  isZero(at: number, bytes: number): boolean;
  /** Offset of the first difference, -1 if there is none. `bytes` is a multiple of 64. */
  firstDifference(a: number, b: number, bytes: number): number;
  /** 64-bit sum of a page to `out`, low word first. `bytes` is a multiple of 64. */
  pageHash(at: number, bytes: number, out: number): void;
}
