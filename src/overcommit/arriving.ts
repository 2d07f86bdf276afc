import type { DestinationHost } from '../migration/hosting.ts';
import type { InstallGate } from '../wire/install.ts';
import type { OvercommittedMemory } from './host.ts';
import type { HostClock } from './leaving.ts';
import type { Resident } from './resident.ts';

export interface ArrivingParts {
  readonly memory: OvercommittedMemory;
  readonly resident: Resident;
  readonly clock: HostClock;
  /** The guest as its source's host has it. */
  readonly source: { readonly memory: OvercommittedMemory; readonly resident: Resident };
}

/**
 * An overcommitted host as the destination of a guest that migrates. A page that arrives gets a machine page, for which
 * the host may have to page out; a page of zeros gets none until the guest touches it. While pages come, the host
 * scans them as any other, so that it shares what is equal, and a newer copy of such a page ends its sharing.
 */
export class ArrivingGuest implements DestinationHost {
  readonly #parts: ArrivingParts;
  /** The pages whose slots are the source's until the guest runs here. */
  readonly #lent = new Set<number>();

  constructor(parts: ArrivingParts) {
    this.#parts = parts;
    parts.resident.sampler.goOnFrom(parts.source.resident.sampler);
  }

  gate(presence: InstallGate | undefined): InstallGate {
    return {
      claim: (slot, page, isZero) => {
        if (presence && !presence.claim(slot, page, isZero)) return false;
        this.#prepare(slot.layout.firstGfn + page, isZero);
        return true;
      },
      publish: (slot, page) => presence?.publish(slot, page),
      abandon: (slot, page) => presence?.abandon(slot, page),
    };
  }

  /** Makes room for the bytes of a page, which replace what this host has of it. */
  #prepare(gfn: number, isZero: boolean): void {
    const { memory, resident, clock } = this.#parts;
    const { pages } = resident;
    if (pages.isShared(gfn)) memory.sharing!.forsake(pages, gfn);
    if (pages.isResident(gfn)) return;
    this.#forget(gfn);
    if (isZero) return;
    const { machinePage, readyNs } = memory.takePage(pages, clock.now());
    pages.map(gfn, machinePage);
    clock.moveTo(readyNs);
  }

  takeSlot(gfn: number, slot: number): boolean {
    const { memory, resident, source } = this.#parts;
    const isTheirs = source.resident.pages.swapSlots[gfn] === slot;
    if (!isTheirs || !memory.swap.store.holds(slot)) return false;
    this.#free(gfn);
    memory.paging.adopt(resident.pages, gfn, slot);
    this.#lent.add(gfn);
    return true;
  }

  /** Forgets the slot of a page; one that is lent stays as it is. */
  #forget(gfn: number): void {
    const { memory, resident } = this.#parts;
    if (this.#lent.delete(gfn)) memory.paging.leaveTo(resident.pages, gfn);
    else memory.paging.forget(resident.pages, gfn);
  }

  surrender(firstGfn: number, pages: number): void {
    const { resident } = this.#parts;
    for (let gfn = firstGfn; gfn < firstGfn + pages; gfn++) {
      this.#free(gfn);
      resident.pages.balloon(gfn);
    }
  }

  /** Gives back whatever this host has of a page. */
  #free(gfn: number): void {
    const { memory, resident } = this.#parts;
    this.#forget(gfn);
    memory.free(resident.pages, gfn);
  }

  /** The guest runs here from now on, so the slots in which its pages lie are this host's. */
  takeOver(): void {
    const { source, resident } = this.#parts;
    for (const gfn of this.#lent) {
      if (source.resident.pages.swapSlots[gfn] !== resident.pages.swapSlots[gfn]) {
        throw new Error(`page ${gfn} was lent in a slot that its source has given up`);
      }
      source.memory.paging.leaveTo(source.resident.pages, gfn);
    }
    this.#lent.clear();
    resident.sampler.goOnFrom(source.resident.sampler);
  }

  /** The guest does not come; the slots that were lent are the source's, and all else that this host has of it is free. */
  giveUp(): void {
    const { memory, resident } = this.#parts;
    for (const gfn of this.#lent) memory.paging.leaveTo(resident.pages, gfn);
    this.#lent.clear();
    memory.dismiss(resident);
  }
}
