import type { TakenRuns } from '../memory/page-set.ts';
import type { SourceHost } from '../migration/hosting.ts';
import { NO_SLOT } from '../memory/page-store.ts';
import type { OvercommittedMemory } from './host.ts';
import type { Resident } from './resident.ts';

/** The side of a virtual clock on which a host does something for a migration. */
export interface HostClock {
  now(): number;
  moveTo(ns: number): void;
}

export interface LeavingParts {
  readonly memory: OvercommittedMemory;
  readonly resident: Resident;
  readonly clock: HostClock;
  /** Whether the host to which the guest moves uses the same swap store. */
  readonly sharesStore: boolean;
}

/** An overcommitted host as the source of a guest that migrates: what is about to be sent is brought in first. */
export class LeavingGuest implements SourceHost {
  readonly sharesStore: boolean;
  readonly #parts: LeavingParts;
  /** How many pages it has brought in because they were to be sent. */
  fetchedPages = 0;

  constructor(parts: LeavingParts) {
    this.#parts = parts;
    this.sharesStore = parts.sharesStore;
  }

  readonly slotOf = (gfn: number): number => this.#parts.resident.pages.swapSlots[gfn]!;

  /**
   * As a migration's thread that reads a swapped page does, this needs machine pages and waits for the store. The pages
   * of a batch are read together. They are pinned until the next batch, since to wait is to let the guest go on, for
   * which the host may need pages.
   */
  fetch({ slot, runs, list }: TakenRuns): void {
    const { memory, resident, clock } = this.#parts;
    const { pages } = resident;
    pages.pinned.clear();
    const askedNs = clock.now();
    let readyNs = askedNs;
    for (let i = 0; i < runs; i++) {
      const first = slot.layout.firstGfn + list[2 * i]!;
      for (let gfn = first; gfn < first + list[2 * i + 1]!; gfn++) {
        pages.pinned.add(gfn);
        if (pages.isResident(gfn)) continue;
        if (pages.swapSlots[gfn] === NO_SLOT) pages.bytesOf(gfn).fill(0);
        else readyNs = Math.max(readyNs, this.#bringIn(memory, gfn, askedNs));
      }
    }
    clock.moveTo(readyNs);
  }

  #bringIn(memory: OvercommittedMemory, gfn: number, askedNs: number): number {
    const { pages } = this.#parts.resident;
    const taken = memory.takePage(pages, askedNs);
    this.fetchedPages++;
    return memory.paging.bringIn(pages, gfn, taken.machinePage, taken.readyNs);
  }

  /** Lets the host do with all pages what it wants again; the migration is over. */
  end(): void {
    this.#parts.resident.pages.pinned.clear();
  }
}
