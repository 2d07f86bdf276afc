/** How long the actions of a memory manager take, in nanoseconds. */
export interface ManagerCosts {
  /** The time to give a page to the balloon or to take it out again. */
  readonly balloonPageNs: number;
  /** The time of a callback of memory pressure. */
  readonly pressureNs: number;
  /** The time to read a page from the guest's own disk; 0 when absent. */
  readonly guestDiskNs?: number;
}

export const FREE_OF_CHARGE: ManagerCosts = { balloonPageNs: 0, pressureNs: 0 };
