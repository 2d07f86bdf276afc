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
  /**
   * Marks the writes of an access list in a writer's own bitmap and keeps of the list only the gfns
   * that were not marked before; returns how many.
   */
  markFresh(gfns: number, count: number, map: number): number;
  /**
   * How many accesses from the head of a list find nothing in their pages' gates (PAGE_* in abi.ts, a
   * byte a page) that stops them.
   */
  countPlain(gfns: number, count: number, gates: number): number;
  /** Notes for every page of an access list that it was referenced in an epoch, 4 bytes a page. */
  noteReferences(gfns: number, count: number, references: number, epoch: number): void;
  /** Moves the marks of a quiet byte map into the bitmap `target`; `bytes` is the bitmap's length. */
  mergeAndClearBytes(map: number, target: number, bytes: number): number;
  /** Moves the marks of a quiet map into `target`; returns how many bits are new there. */
  mergeAndClear(map: number, target: number, bytes: number): number;
  /** ORs a quiet map into `target`; returns how many bits are new there. */
  merge(map: number, target: number, bytes: number): number;
  /** `mergeAndClear` for a map that other threads go on marking atomically. */
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
    /** What a page takes in the maps: 0 a bit, 1 a byte. */
    mapUnit: number,
    out: number,
  ): number;
  /** Lists the runs of a set, which stays as it is; its run list counts no pages. */
  listRuns(bits: number, from: number, end: number, maxRuns: number, out: number): number;
  /** `bytes` is a multiple of 128. */
  isZero(at: number, bytes: number): boolean;
  /** A bit for each of at most 32 pages of `bytes` bytes (a multiple of 128): set when it is zero. */
  zeroMask(at: number, bytes: number, count: number): number;
  /** Zeroes pages of `bytes` bytes (a multiple of 128); one that is zero already stays untouched. */
  clearPages(at: number, bytes: number, count: number): void;
  /** Sums of pages to `out`, 8 bytes each. */
  hashPages(at: number, bytes: number, count: number, out: number): void;
  /** The first page whose sum is not the one listed at `sums`, -1 for none; `scratch` is 8 bytes. */
  firstWrongHash(at: number, bytes: number, count: number, sums: number, scratch: number): number;
  /** Offset of the first difference, -1 if there is none. `bytes` is a multiple of 64. */
  firstDifference(a: number, b: number, bytes: number): number;
  /** 64-bit sum of a page to `out`, low word first. `bytes` is a multiple of 64. */
  pageHash(at: number, bytes: number, out: number): void;
}
