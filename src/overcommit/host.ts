import type { Process } from '../clock/process.ts';
import type { BalloonHost } from '../guest/guest-disk.ts';
import type { GateLayer } from '../memory/gate/gate-layer.ts';
import type { Fence } from '../memory/handshake/fence.ts';
import type { GuestMemory } from '../memory/guest-memory.ts';
import { Generator } from '../random/generator.ts';
import { balloonHostOf, popForgotten } from './balloon-host.ts';
import { Boot, type BootParts } from './boot.ts';
import { checkAdmission, HostMemoryError } from './admission.ts';
import type { GuestGrant, OvercommitConfig } from './config.ts';
import { GuestPages, NONE } from './guest-pages.ts';
import { type HostFaults, pagesLayer, sampleLayer } from './layers.ts';
import { MachineMemory } from './machine-memory.ts';
import { type MemoryState, nextState } from './memory-state.ts';
import { RandomPages } from './random-pages.ts';
import { recordProblems } from './record-problems.ts';
import { CONTENTS_BYTES, type InitialContents } from './page-contents.ts';
import { PageSharing } from './page-sharing.ts';
import { LEFT_BEHIND, Paging } from './paging.ts';
import { Sampler } from './sampler.ts';
import type { Resident } from './resident.ts';
import { divideMemory } from './shares.ts';
import { SwapStore } from './swap-store.ts';

/** In `high` nothing is urgent, so the host looks after its guests less often than in the other states. */
const CALM_TICK_NS = 100e6;
const BUSY_TICK_NS = 10e6;
/** The host pages out so much at a time that its device has work for this long. */
const DEVICE_WORK_NS = 50e6;

/**
 * The memory of a host that has promised its guests more than it has. It gives a guest's page a machine page at the
 * first touch, shares equal pages, estimates what is used, divides its memory among the guests by shares and idle tax,
 * and pages out what a guest has above its target when little is free. It is a process of the world's clock.
 */
export class OvercommittedMemory implements Process {
  readonly isOver = false;
  readonly config: OvercommitConfig;
  readonly machine: MachineMemory;
  readonly sharing: PageSharing | undefined;
  readonly paging: Paging;
  readonly swap: SwapStore;
  /** The guests that live on the host. */
  residents: Resident[] = [];
  readonly #pages: GuestPages[] = [];
  readonly #random: Generator;
  readonly #sharesSwap: boolean;
  readonly #randomPages: RandomPages;
  #state: MemoryState = 'high';
  #idleTax: number;
  #lastNs = 0;
  #balanceNs = 0;
  /** Called after a step that has changed the state. */
  onState: (state: MemoryState, atNs: number) => void = () => undefined;

  /** `shared` is the store that it uses with other hosts; without it, it has one of its own. */
  constructor(config: OvercommitConfig, shared?: SwapStore) {
    const swap = shared ?? new SwapStore(config.swap, config.storedBytes);
    this.#sharesSwap = shared !== undefined;
    const { storedBytes, pageSize } = config;
    this.config = config;
    this.#idleTax = config.idleTax;
    this.machine = new MachineMemory(config.machinePages);
    this.swap = swap;
    const contentsBytes = storedBytes === pageSize ? pageSize : CONTENTS_BYTES;
    const sharing = config.sharing && new PageSharing(this.machine, this.#pages, contentsBytes);
    this.sharing = sharing;
    const { store, device } = swap;
    this.paging = new Paging({ machine: this.machine, sharing, store, device });
    this.#random = new Generator(config.seed, 7);
    this.#randomPages = new RandomPages(this.#random, this.paging);
  }

  get state(): MemoryState {
    return this.#state;
  }

  /** The share of machine memory that is free; what is still being written to the store is not. */
  get freeShare(): number {
    return this.machine.freePages / this.machine.pages;
  }

  /**
   * Admits a guest, none of whose pages has a machine page yet; `initial` is what its memory held at first. Throws
   * HostMemoryError when the host can't keep what it has promised to all guests. `fence` is that of a guest whose vCPUs
   * run in threads of their own.
   */
  admit(
    memory: GuestMemory,
    words: Int32Array,
    grant: GuestGrant,
    initial: InitialContents,
    fence?: Fence,
  ): Resident {
    const { overheadPages, seed, sampling, hashBits } = this.config;
    const all = [...this.residents, { pages: { memory }, grant }];
    checkAdmission(this.config, all);
    const pages = new GuestPages(this.#pages.length, memory, words, initial, hashBits, fence);
    this.#pages.push(pages);
    const overhead = Array.from(
      { length: overheadPages },
      () => this.#takeAt(this.#lastNs, pages).machinePage,
    );
    const sampler = new Sampler(sampling, pages, seed);
    const targetPages = memory.pages;
    const resident = { pages, sampler, grant, targetPages, scanCredit: 0, overhead, popped: 0 };
    this.residents.push(resident);
    this.#balanceNs = this.#lastNs;
    return resident;
  }

  /** Gives every page of a guest that holds anything a machine page, as a guest that has just booted has it. */
  populate({ pages }: Resident, isPopulated: (gfn: number) => boolean): void {
    for (let gfn = 0; gfn < pages.memory.pages; gfn++) {
      if (!isPopulated(gfn)) continue;
      const { machinePage } = this.#takeAt(this.#lastNs, pages);
      pages.map(gfn, machinePage);
      pages.release(gfn);
    }
  }

  /** Changes the tax on idle memory; the memory is divided anew at the next step. */
  setIdleTax(rate: number): void {
    this.#idleTax = rate;
    this.#balanceNs = this.#lastNs;
  }

  /** Changes a guest's shares; the memory is divided anew at the next step. */
  setShares(resident: Resident, shares: number): void {
    resident.grant = { ...resident.grant, shares };
    this.#balanceNs = this.#lastNs;
  }

  /** Frees all that a guest has which has stopped; its memory is as the guest left it, so that it can be proved. */
  dismiss(resident: Resident): void {
    const { pages, overhead } = resident;
    this.paging.restore(pages);
    for (let gfn = 0; gfn < pages.memory.pages; gfn++) {
      if (pages.isResident(gfn)) this.#unmap(pages, gfn);
    }
    for (const machinePage of overhead) this.machine.giveBack(machinePage);
    this.residents = this.residents.filter((one) => one !== resident);
    this.#balanceNs = this.#lastNs;
  }

  /** Returns a sentence for each of the host's own records that contradicts another or the guests' memory. */
  problems(): string[] {
    const { machine, residents, sharing, swap } = this;
    const store = this.#sharesSwap ? undefined : swap.store;
    return recordProblems({ machine, residents, sharing, store });
  }

  /** What takes the machine pages of what is in a guest's balloon, and brings in what the guest pages out itself. */
  balloonHostOf({ pages }: Resident): BalloonHost {
    return balloonHostOf(pages, {
      bringIn: (gfn) => this.#bringIn(pages, gfn, this.#lastNs),
      unshare: (gfn) => this.#unshare(pages, gfn, this.#lastNs),
      surrender: (gfn) => {
        this.free(pages, gfn);
        pages.balloon(gfn);
      },
    });
  }

  /**
   * Lets a guest boot, which zeroes all its memory at a rate and does nothing else meanwhile. `clear` zeroes a page in
   * the guest.
   */
  boot(
    resident: Resident,
    { atNs, ...how }: Pick<BootParts, 'pagesPerSecond' | 'clear'> & { readonly atNs: number },
  ): void {
    const { pages } = resident;
    resident.boot = new Boot({ pages, layers: this.layersOf(resident), ...how }, atNs);
    resident.guest!.block(this.nextNs(atNs) - atNs);
  }

  /** Takes a page of which nobody needs the contents any more out of memory, or out of the store. */
  free(pages: GuestPages, gfn: number): void {
    if (pages.isResident(gfn)) this.#unmap(pages, gfn);
    else this.paging.forget(pages, gfn);
    // Somebody else may have its machine page from now on, so what the guest reads when it comes back is made anew.
    pages.bytesOf(gfn).fill(LEFT_BEHIND);
  }

  /** Gives back the machine page of a page, unless others share it. */
  #unmap(pages: GuestPages, gfn: number): void {
    if (pages.isShared(gfn) && this.sharing!.forsake(pages, gfn) === NONE) return;
    this.machine.giveBack(pages.unmap(gfn));
  }

  /** Takes a machine page for a guest's page that arrives here; `readyNs` says when it is free. */
  takePage(
    pages: GuestPages,
    atNs: number,
  ): { readonly machinePage: number; readonly readyNs: number } {
    return this.#takeAt(atNs, pages);
  }

  /** The layers of the gate of a guest's vCPUs. */
  layersOf(resident: Resident): readonly GateLayer[] {
    const faults = this.faultsOf(resident);
    return [pagesLayer(faults), sampleLayer(faults, resident.sampler)];
  }

  /** What the host does at the accesses of a guest that it has to stop. */
  faultsOf(resident: Resident): HostFaults {
    const { pages } = resident;
    const { costs } = this.config;
    return {
      sampleNs: costs.sampleNs,
      fault: (gfn, atNs) => {
        popForgotten(resident, gfn);
        return this.#bringIn(pages, gfn, atNs);
      },
      write: (gfn, atNs) => this.#unshare(pages, gfn, atNs),
    };
  }

  /** Gives an absent page a machine page and its contents; returns how long the guest waits for that. */
  #bringIn(pages: GuestPages, gfn: number, atNs: number): number {
    const { machinePage, readyNs } = this.#takeAt(atNs, pages);
    const doneNs = this.paging.bringIn(pages, gfn, machinePage, readyNs);
    return doneNs - atNs + this.config.costs.zeroFaultNs;
  }

  /** Gives a shared page a machine page of its own; returns how long the guest waits for that. */
  #unshare(pages: GuestPages, gfn: number, atNs: number): number {
    let readyNs = atNs;
    const kept = pages.machinePages[gfn]!;
    this.sharing!.breakSharing(pages, gfn, () => {
      const taken = this.#takeAt(atNs, pages, kept);
      readyNs = taken.readyNs;
      return taken.machinePage;
    });
    return readyNs - atNs + this.config.costs.copyNs;
  }

  /**
   * Takes a machine page; when none is free, waits for a write that is under way, or reclaims a page at once, but not the
   * shared machine page `kept`, of which a copy is about to be made.
   */
  #takeAt(atNs: number, pages: GuestPages, kept = NONE): { machinePage: number; readyNs: number } {
    const { machine } = this;
    machine.settle(atNs);
    let readyNs = atNs;
    for (;;) {
      const machinePage = machine.take();
      if (machinePage >= 0) return { machinePage, readyNs };
      if (machine.pendingPages === 0) this.#reclaimForced(readyNs, pages, kept);
      if (machine.pendingPages > 0) {
        readyNs = Math.max(readyNs, machine.nextPendingNs);
        machine.settle(readyNs);
      }
    }
  }

  /** Reclaims one page, of the guest furthest above its target; those at their minimum give one only if no other can. */
  #reclaimForced(atNs: number, asking: GuestPages, kept: number): void {
    const order = this.residents.toSorted(
      (a, b) => guaranteed(a) - guaranteed(b) || this.#excess(b) - this.#excess(a),
    );
    for (const { pages, grant } of order) {
      if (this.#randomPages.force(pages, pages.allocated - grant.minPages, atNs)) return;
    }
    for (const { pages } of order) if (this.#reclaimShared(pages, atNs, kept)) return;
    throw new HostMemoryError(
      `guest ${asking.guest} needs a page, but none of the host's ${this.machine.pages} is free, and it could reclaim none`,
    );
  }

  #excess({ pages, targetPages }: Resident): number {
    return pages.allocated - targetPages;
  }

  /** Frees a shared machine page of a guest, not that of zeros and not `kept`; returns whether it has one. */
  #reclaimShared(pages: GuestPages, atNs: number, kept = NONE): boolean {
    const { sharing, paging } = this;
    if (!sharing) return false;
    const machinePage = sharing.findShared(pages, this.#random.below(pages.memory.pages), kept);
    return machinePage !== NONE && paging.reclaimShared(this.#pages, machinePage, atNs);
  }

  nextNs(nowNs: number): number {
    const tickNs = this.#state === 'high' ? CALM_TICK_NS : BUSY_TICK_NS;
    return Math.max(nowNs, this.#lastNs + tickNs);
  }

  step(atNs: number): void {
    const passedNs = atNs - this.#lastNs;
    this.#lastNs = atNs;
    for (const { guest, sampler, balloon } of this.residents) {
      guest!.advance(atNs);
      const guestNs = guest!.guestNs();
      sampler.advance(guestNs);
      // The driver is a part of the guest, so it does nothing while the guest is paused.
      if (guest!.isRunning()) balloon?.advance(guestNs);
    }
    this.machine.settle(atNs);
    for (const resident of this.residents) if (resident.boot) this.#advanceBoot(resident, atNs);
    this.#scan(passedNs);
    const before = this.#state;
    this.#state = nextState(before, this.freeShare, this.config.thresholds);
    if (this.#state !== before || atNs >= this.#balanceNs) this.#balance(atNs);
    if (this.#state !== before) this.onState(this.#state, atNs);
    for (const resident of this.residents) this.#steerBalloon(resident);
    if (this.#state !== 'high') this.#page(atNs);
    if (this.#state === 'low') this.#block(atNs);
  }

  /** Goes on with a guest's boot, during which its vCPUs do nothing else. */
  #advanceBoot(resident: Resident, atNs: number): void {
    const boot = resident.boot!;
    if (this.#state === 'low' && this.#excess(resident) > 0) boot.skip(atNs);
    else boot.advance(atNs);
    if (boot.isOver) resident.boot = undefined;
    else resident.guest!.block(this.nextNs(atNs) - atNs);
  }

  /** Looks at random pages of all guests, as many as the rates allow. */
  #scan(passedNs: number): void {
    const { sharing, residents } = this;
    if (!sharing || residents.length === 0) return;
    const { guestPagesPerSecond, pagesPerSecond } = this.config.sharing!;
    const rate = Math.min(guestPagesPerSecond, pagesPerSecond / residents.length);
    for (const resident of residents) {
      resident.scanCredit += (rate * passedNs) / 1e9;
      const { pages } = resident;
      const most = Math.floor(resident.scanCredit);
      this.#randomPages.scan(sharing, pages, most);
      resident.scanCredit -= most;
    }
  }

  /** Divides the machine memory among the guests. Targets leave free what the state `high` needs (section 6.3). */
  #balance(atNs: number): void {
    const { machinePages, overheadPages, thresholds, balanceNs } = this.config;
    this.#balanceNs = atNs + balanceNs;
    const overhead = overheadPages * this.residents.length;
    // `soft` is left only once the margin is free as well, so targets that left less would keep the host in it.
    const usable = machinePages * (1 - thresholds.high - thresholds.margin) - overhead;
    const clients = this.residents.map(({ pages, grant, sampler }) => ({
      minPages: grant.minPages,
      maxPages: pages.memory.pages,
      shares: grant.shares,
      activePages: sampler.fraction * pages.memory.pages,
    }));
    const saved = this.sharing?.savedPages ?? 0;
    const targets = divideMemory(clients, Math.floor(usable + saved), this.#idleTax);
    this.residents.forEach((resident, i) => (resident.targetPages = targets[i]!));
  }

  /**
   * Tells a guest's balloon its target, which leaves the guest as many pages as its own target, those included that it
   * has not touched. While enough memory is free a balloon may only deflate.
   */
  #steerBalloon(resident: Resident): void {
    const { balloon } = resident;
    if (!balloon) return;
    const { pages, targetPages } = resident;
    const wanted = Math.max(0, pages.memory.pages - pages.swapped - targetPages);
    const byState = this.#state === 'high' ? Math.min(wanted, balloon.pages) : wanted;
    balloon.targetPages = Math.max(byState, resident.leastBalloonPages ?? 0);
  }

  /**
   * Pages out what guests have above their targets, until enough will be free or the device has enough to do. In `soft`
   * only guests are paged whose balloons can't take any more.
   */
  #page(atNs: number): void {
    const { machine, config } = this;
    const { swap, pageSize, thresholds } = config;
    const perTick = Math.ceil((swap.bytesPerSecond * DEVICE_WORK_NS) / 1e9 / pageSize);
    const missing = (thresholds.high + thresholds.margin) * machine.pages - machine.freePages;
    let needed = Math.min(Math.ceil(missing) + 1, perTick) - machine.pendingPages;
    const order = this.residents.toSorted((a, b) => this.#excess(b) - this.#excess(a));
    for (const resident of order) {
      if (needed <= 0) return;
      const { balloon, guest, pages } = resident;
      if (this.#state === 'soft' && balloon && balloon.room(guest!.guestNs()) > 0) continue;
      const excess = Math.min(needed, this.#excess(resident));
      if (excess <= 0) continue;
      const done = this.#randomPages.reclaim(pages, excess, atNs);
      needed -= done;
      // A guest of which all is shared would otherwise be above its target, and in `low` stand still, for ever.
      if (done === 0 && this.#state !== 'soft' && this.#reclaimShared(pages, atNs)) needed--;
    }
  }

  /** Has every guest that is above its target stand still until the next step. */
  #block(atNs: number): void {
    for (const resident of this.residents) {
      const { boot, guest } = resident;
      if (!boot && this.#excess(resident) > 0) guest!.block(this.nextNs(atNs) - atNs);
    }
  }
}

/** 1 for a guest that has no more than its minimum, else 0. */
const guaranteed = ({ pages, grant }: Resident): number => +(pages.allocated <= grant.minPages);
