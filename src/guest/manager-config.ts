/** Pages of the guest, its gfns. */
export interface PageRange {
  readonly firstGfn: number;
  readonly pages: number;
}

/** What a guest's memory manager has to manage, and how. */
export interface ManagerConfig {
  /** Pages from gfn 0 on that the kernel keeps: never free, and not to be paged. */
  readonly kernelPages: number;
  /** Pages in use by processes throughout. */
  readonly used: readonly PageRange[];
  /** Clean page cache: in use until memory is short. */
  readonly cache: readonly PageRange[];
  /** Pages that a callback of memory pressure asks for, and share of them that comes from page cache. */
  readonly deflatePages: number;
  readonly cacheReclaimShare: number;
  /** Dynamic self-ballooning; absent: the balloon inflates only when asked. */
  readonly ballooning?: {
    readonly intervalNs: number;
    /** Share of the free pages that an inflation takes. */
    readonly share: number;
    /** Intervals without an inflation after memory pressure. */
    readonly holdOff: number;
  };
  /** What is given back before a migration. */
  readonly release: 'none' | 'free' | 'cache';
}
