/**
 * The machine pages of a host, as numbers (MPNs): which of them are free, and which become free once a write to the
 * swap store has ended. The bytes of a machine page lie in the memory of the guest that has it, or with the shared pages.
 */
export class MachineMemory {
  readonly pages: number;
  /** Machine pages that were given back, the last one on top. */
  readonly #returned: Int32Array;
  #returnedCount = 0;
  /** The machine pages from here on have never been taken. */
  #fresh = 0;
  /** Machine pages whose contents are being written to the store, in the order in which the writes end. */
  readonly #pending: { readonly machinePage: number; readonly doneNs: number }[] = [];
  #pendingFrom = 0;

  constructor(pages: number) {
    this.pages = pages;
    this.#returned = new Int32Array(pages);
  }

  get freePages(): number {
    return this.#returnedCount + this.pages - this.#fresh;
  }

  /** How many pages will be free when the writes under way have ended. */
  get pendingPages(): number {
    return this.#pending.length - this.#pendingFrom;
  }

  /** When the next write ends; Infinity when none is under way. */
  get nextPendingNs(): number {
    return this.#pending[this.#pendingFrom]?.doneNs ?? Infinity;
  }

  /** Calls `take` with every free machine page. */
  eachFree(take: (machinePage: number) => void): void {
    for (let i = 0; i < this.#returnedCount; i++) take(this.#returned[i]!);
    for (let machinePage = this.#fresh; machinePage < this.pages; machinePage++) take(machinePage);
  }

  /** Calls `take` with every machine page whose contents are being written to the store. */
  eachPending(take: (machinePage: number) => void): void {
    for (let i = this.#pendingFrom; i < this.#pending.length; i++)
      take(this.#pending[i]!.machinePage);
  }

  /** Takes a free machine page; -1 when there is none. */
  take(): number {
    if (this.#returnedCount > 0) return this.#returned[--this.#returnedCount]!;
    return this.#fresh < this.pages ? this.#fresh++ : -1;
  }

  giveBack(machinePage: number): void {
    this.#returned[this.#returnedCount++] = machinePage;
  }

  /** Gives back a machine page as soon as the write of its contents has ended. */
  giveBackAt(machinePage: number, doneNs: number): void {
    let at = this.#pending.length;
    while (at > this.#pendingFrom && this.#pending[at - 1]!.doneNs > doneNs) at--;
    this.#pending.splice(at, 0, { machinePage, doneNs });
  }

  /** Frees the machine pages whose writes have ended by now. */
  settle(nowNs: number): void {
    while (this.nextPendingNs <= nowNs)
      this.giveBack(this.#pending[this.#pendingFrom++]!.machinePage);
    if (this.#pendingFrom > 1024 && this.#pendingFrom * 2 > this.#pending.length) {
      this.#pending.splice(0, this.#pendingFrom);
      this.#pendingFrom = 0;
    }
  }
}
