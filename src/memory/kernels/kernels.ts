/**
 * The hot loops over one guest memory. The WASM kernels and their TypeScript twin implement this interface and agree
 * to the bit. Every address is a byte offset in that memory, and every length is in bytes. Nothing here allocates, and
 * no bounds are checked but those of the memory itself.
 */
export interface Kernels {
  /** Lists the stream's next `count` accesses at `out`, u32 each: the gfn, with ACCESS_READ_BIT for a read. */
  nextGfns(stream: number, count: number, out: number): void;
  /**
   * Makes the `count` accesses of the list `gfns` and advances the stream. Each write stores its data first and then
   * marks its page in `map`, in the way that `mark` (MARK_*) says.
   */
  touch(stream: number, count: number, gfns: number, mark: number, map: number): void;
  /**
   * Makes batches of accesses of a stream (`nextGfns`, `touch` without marks, then `markFresh` in `map` if `isLogged`
   * is 1) until its vCPU is busy up to `endNs`, or no whole access is due. The times, and how many accesses are due,
   * stand in the stream's record (STREAM_BUSY_NS and the next three), where they are brought up to date. A batch has at
   * most `most` accesses, and as many as are sure to end by `endNs` but for the last. Returns the number of pages that
   * the last batch marked.
   */
  runUntil(
    stream: number,
    list: number,
    map: number,
    isLogged: number,
    most: number,
    endNs: number,
  ): number;
  /**
   * Marks the writes of an access list in a writer's own bitmap and moves the gfns that were not marked before to the
   * head of the list; returns how many these are.
   */
  markFresh(gfns: number, count: number, map: number): number;
  /**
   * Returns how many accesses from the head of a list come before the first one that its page's gate stops (PAGE_* in
   * abi.ts, a byte a page).
   */
  countPlain(gfns: number, count: number, gates: number): number;
  /** Writes `epoch` into the reference word (4 bytes a page) of every page of an access list. */
  noteReferences(gfns: number, count: number, references: number, epoch: number): void;
  /**
   * Moves the marks of a byte map that nobody marks any more into the bitmap `target`, whose length is `bytes`; returns
   * how many bits are new there.
   */
  mergeAndClearBytes(map: number, target: number, bytes: number): number;
  /** Moves the marks of a bitmap that nobody marks any more into `target`; returns how many bits are new there. */
  mergeAndClear(map: number, target: number, bytes: number): number;
  /** ORs a bitmap that nobody marks any more into `target`; returns how many bits are new there. */
  merge(map: number, target: number, bytes: number): number;
  /** Does what `mergeAndClear` does, for a bitmap that other threads go on marking atomically. */
  mergeAndClearAtomic(map: number, target: number, bytes: number): number;
  /** Returns the number of bits that are set in a bitmap. */
  popcount(map: number, bytes: number): number;
  /**
   * Takes up to `maxPages` pages of [from, end) out of the set `bits`, as at most `maxRuns` runs, and drops those that
   * one of the `mapCount` live maps marks, whose addresses are listed at `maps`. Writes a run list (RUNS_* in abi.ts)
   * to `out`; returns the number of runs.
   */
  takeRuns(
    bits: number,
    from: number,
    end: number,
    maxPages: number,
    maxRuns: number,
    maps: number,
    mapCount: number,
    /** What a page takes in the live maps: 0 is a bit, 1 a byte. */
    mapUnit: number,
    out: number,
  ): number;
  /** Lists at most `maxRuns` runs of a set, which stays as it is. The page counts of the run list are 0. */
  listRuns(bits: number, from: number, end: number, maxRuns: number, out: number): number;
  /** Whether all `bytes` bytes (a multiple of 128) from `at` on are zero. */
  isZero(at: number, bytes: number): boolean;
  /** Returns a bit for each of at most 32 pages of `bytes` bytes (a multiple of 128), set when the page is zero. */
  zeroMask(at: number, bytes: number, count: number): number;
  /** Zeroes pages of `bytes` bytes (a multiple of 128); a page that is zero already is not written. */
  clearPages(at: number, bytes: number, count: number): void;
  /** Writes the hashes of `count` pages to `out`, 8 bytes each, as `pageHash` does. */
  hashPages(at: number, bytes: number, count: number, out: number): void;
  /** Returns the first page whose hash is not the one listed at `sums`, -1 for none; needs 8 bytes at `scratch`. */
  firstWrongHash(at: number, bytes: number, count: number, sums: number, scratch: number): number;
  /** Returns the offset of the first difference, -1 when there is none. `bytes` is a multiple of 64. */
  firstDifference(a: number, b: number, bytes: number): number;
  /** Writes the 64-bit hash of a page to `out`, low word first. `bytes` is a multiple of 64. */
  pageHash(at: number, bytes: number, out: number): void;
}
