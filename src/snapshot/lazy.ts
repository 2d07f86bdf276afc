import type { Clock } from '../clock/clock.ts';
import type { VcpuState } from '../guest/vcpu-state.ts';
import { slotOf } from '../memory/guest-memory.ts';
import type { Algorithm, DestinationGuest, Wake } from '../migration/ports.ts';
import { BATCH_BYTES } from '../wire/limits.ts';
import { SnapshotError } from './file-port.ts';
import { loadPages } from './load-pages.ts';
import type { SnapshotChain } from './reader.ts';

export interface LazySide {
  readonly clock: Clock;
  readonly guest: DestinationGuest;
  readonly chain: SnapshotChain;
  /** Whether the RAM of the memslots is zero, slot by slot. */
  readonly areFresh: readonly boolean[];
  /** The state of the vCPUs, which fits the guest. */
  readonly state: readonly VcpuState[];
  /** The pages that are read before the others, in this order. */
  readonly prefetch: readonly number[];
  /** For so long only pages that the guest asks for are read, and noted; 0 reads others at once. */
  readonly recordNs: number;
  /** Called before so many bytes are read at once; on a virtual clock it takes the time of that. */
  readonly spend?: (bytes: number) => void;
  /** Returns how many accesses the guest has made in its lives. */
  readonly accesses: () => number;
  /** Called as pages arrive, with how many are missing. */
  readonly watch?: (pagesLeft: number) => void;
}

/** How a lazy restore ended; times are on its clock, and absent if they were not reached. */
export interface LazyEnd {
  readonly outcome: 'completed' | 'cancelled' | 'failed';
  readonly error?: string;
  readonly runningNs?: number;
  readonly firstAccessNs?: number;
  readonly presentNs?: number;
  readonly readBytes: number;
  /** How many pages of the working set were read ahead of the guest. */
  readonly prefetchedPages: number;
  /** The pages that the guest asked for while they were noted, in that order. */
  readonly recorded: readonly number[];
}

/**
 * Restores a guest that runs at once: a page that it misses is read from the file when it asks for it, and meanwhile the
 * others are read in the background, those of a recorded working set first. That is REAP's record and prefetch (Ustiugov
 * et al., ASPLOS 2021) with the prefetch beside the running guest.
 */
export function* lazyRestore(side: LazySide): Algorithm<LazyEnd> {
  const restore = new LazyRestore(side);
  try {
    restore.begin();
    return restore.end((yield* restore.serve()) ? 'completed' : 'cancelled');
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error;
    return restore.end('failed', error.message);
  }
}

/** The access list of the host side, which no vCPU uses. */
const HOST_LIST = 0;

class LazyRestore {
  readonly #side: LazySide;
  readonly #recorded: number[] = [];
  readonly #most: number;
  readonly #savedAccesses: number;
  #runningNs: number | undefined;
  #firstAccessNs: number | undefined;
  #presentNs: number | undefined;
  #readBytes = 0;
  #prefetchedPages = 0;
  /** How many pages of the working set have had their turn, and the gfn from which on the others are read. */
  #prefetched = 0;
  #cursor = 0;

  constructor(side: LazySide) {
    this.#side = side;
    this.#most = Math.max(1, Math.floor(BATCH_BYTES / side.guest.memory.pageSize));
    side.guest.load(side.state);
    this.#savedAccesses = side.accesses();
  }

  /** Makes the pages absent that have to be read, clears the others, and lets the guest run. */
  begin(): void {
    const { guest, chain, areFresh } = this.#side;
    const { memory, presence } = guest;
    for (const [index, slot] of memory.slots.entries()) {
      const { firstGfn, pages } = slot.layout;
      const options = { list: HOST_LIST, isFresh: areFresh[index]! };
      const end = firstGfn + pages;
      for (let gfn = firstGfn; gfn < end;) {
        const to = chain.endOfRun(gfn, end);
        if (chain.fileOf(gfn)) presence.discard(gfn, to - gfn);
        else loadPages(chain, slot, gfn - firstGfn, to - gfn, options);
        gfn = to;
      }
    }
    presence.begin();
    guest.run();
  }

  /** Reads pages until all are there (true) or a person has cancelled (false). */
  *serve(): Algorithm<boolean> {
    const { guest, clock, watch } = this.#side;
    const { presence } = guest;
    while (presence.absent > 0 || !this.#hasRun()) {
      this.#look();
      for (const gfn of guest.faults()) this.#serveFault(gfn);
      const isEarly = this.#isRecording();
      if (!isEarly && presence.absent > 0) this.#push();
      watch?.(presence.absent);
      const nowNs = clock.now();
      const wake: Wake = yield {
        guest: true,
        // A guest that records asks itself; before it runs there is nothing to wait for but that.
        untilNs: isEarly || presence.absent === 0 ? nowNs + RECORD_POLL_NS : nowNs,
        cancel: true,
      };
      if (wake === 'cancel') return false;
    }
    this.#presentNs ??= clock.now();
    presence.end();
    return true;
  }

  #hasRun(): boolean {
    return this.#runningNs !== undefined;
  }

  /** Notes when the guest began to run, and when it had made its first access. */
  #look(): void {
    const { guest, clock, accesses } = this.#side;
    if (this.#runningNs === undefined && guest.areRunning()) {
      this.#runningNs = guest.runningSinceNs();
    }
    if (this.#firstAccessNs === undefined && accesses() > this.#savedAccesses) {
      this.#firstAccessNs = clock.now();
    }
  }

  #isRecording(): boolean {
    const { recordNs, clock } = this.#side;
    if (recordNs === 0) return false;
    return this.#runningNs === undefined || clock.now() < this.#runningNs + recordNs;
  }

  #serveFault(gfn: number): void {
    if (this.#isRecording()) this.#recorded.push(gfn);
    this.#install(gfn, 1);
  }

  /** Reads the next pages that the guest has not asked for. */
  #push(): void {
    const { prefetch, guest } = this.#side;
    while (this.#prefetched < prefetch.length) {
      const first = prefetch[this.#prefetched]!;
      let pages = 1;
      while (pages < this.#most && prefetch[this.#prefetched + pages] === first + pages) pages++;
      this.#prefetched += pages;
      const installed = this.#installAll(first, first + pages);
      this.#prefetchedPages += installed;
      if (installed > 0) return;
    }
    const { pages } = guest.memory;
    while (this.#cursor < pages && guest.presence.absent > 0) {
      const installed = this.#install(this.#cursor, this.#most);
      this.#cursor += Math.max(1, installed);
      if (installed > 0) return;
    }
  }

  /** Reads those pages of a range that are absent; returns how many these were. */
  #installAll(from: number, end: number): number {
    let all = 0;
    for (let gfn = from; gfn < end;) {
      const installed = this.#install(gfn, end - gfn);
      all += installed;
      gfn += Math.max(1, installed);
    }
    return all;
  }

  /** Reads a run of absent pages from `gfn` on, at most so many, which lie in one file; returns how many it has read. */
  #install(gfn: number, most: number): number {
    const { guest, chain, spend, clock } = this.#side;
    const { presence, memory } = guest;
    const slot = slotOf(memory, gfn);
    const page = gfn - slot.layout.firstGfn;
    const end = Math.min(gfn + most, slot.layout.firstGfn + slot.layout.pages);
    const to = chain.endOfRun(gfn, end);
    let count = 0;
    while (gfn + count < to && presence.claim(slot, page + count)) count++;
    if (count === 0) return 0;
    const bytes = count * memory.pageSize;
    spend?.(bytes);
    this.#readBytes += bytes;
    loadPages(chain, slot, page, count, { list: HOST_LIST, isFresh: false });
    for (let i = 0; i < count; i++) presence.publish(slot, page + i);
    if (presence.absent === 0) this.#presentNs = clock.now();
    return count;
  }

  end(outcome: LazyEnd['outcome'], error?: string): LazyEnd {
    return {
      outcome,
      ...(error === undefined ? {} : { error }),
      ...(this.#runningNs === undefined ? {} : { runningNs: this.#runningNs }),
      ...(this.#firstAccessNs === undefined ? {} : { firstAccessNs: this.#firstAccessNs }),
      ...(this.#presentNs === undefined ? {} : { presentNs: this.#presentNs }),
      readBytes: this.#readBytes,
      prefetchedPages: this.#prefetchedPages,
      recorded: this.#recorded,
    };
  }
}

/** How long a restore that only serves faults waits for the next one before it looks at the clock. */
const RECORD_POLL_NS = 1e6;
