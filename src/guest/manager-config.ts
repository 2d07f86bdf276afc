/** The pages [firstGfn, firstGfn + pages) of a guest. */
export interface PageRange {
  readonly firstGfn: number;
  readonly pages: number;
}

/** What a guest's memory manager manages, and how. */
export interface ManagerConfig {
  /** The number of pages from gfn 0 on that the kernel keeps; they are never free and may not be swapped out. */
  readonly kernelPages: number;
  /** The pages that processes use throughout. */
  readonly used: readonly PageRange[];
  /** The clean page cache, which is in use until memory is short. */
  readonly cache: readonly PageRange[];
  /** How many pages a callback of memory pressure asks for. */
  readonly deflatePages: number;
  /** The share of them that comes from the page cache, 0 to 1. */
  readonly cacheReclaimShare: number;
  /** The parameters of dynamic self-ballooning. When absent the balloon inflates only when the engine asks it to. */
  readonly ballooning?: {
    readonly intervalNs: number;
    /** The share of the free pages that an inflation takes, 0 to 1. */
    readonly share: number;
    /** The number of intervals after memory pressure in which the balloon does not inflate. */
    readonly holdOff: number;
  };
  /** What the guest gives back before a migration: nothing, its free pages, or these and its page cache. */
  readonly release: 'none' | 'free' | 'cache';
  /** The size of the blocks that the guest hints as free during a migration; absent: it hints none. */
  readonly hintBlockPages?: number;
}
