import {
  answerTo,
  ASK_LEAVE,
  ASK_SURRENDER,
  ASK_WRITE,
  type HostRequest,
  requestBy,
} from '../memory/handshake/host-requests.ts';
import { NO_SLOT } from '../memory/page-store.ts';
import type { GuestPages } from './guest-pages.ts';
import type { HostFaults } from './layers.ts';

/** What a desk needs to serve a guest that its host has admitted. */
export interface HostDeskParts {
  readonly pages: GuestPages;
  readonly faults: HostFaults;
  /** Takes pages of which nobody needs the contents any more. */
  readonly surrender: (gfn: number, pages: number) => void;
}

interface Call {
  /** When the copy that the host makes for it is done; 0 when it makes none. */
  doneNs: number;
  /** 1 when the page that the writer asked for was swapped out, else 0. */
  answer: number;
}

/**
 * Where the vCPUs of one guest, which run in threads of their own, are served by the thread of their host. A page that
 * is brought in stays closed until the swap store's time for it has passed; whoever else wants it waits as long.
 */
export class HostDesk {
  readonly #words: Int32Array;
  readonly #vcpus: number;
  readonly #parts: HostDeskParts | undefined;
  /** When each page on its way in may be accessed. */
  readonly #arrivals = new Map<number, number>();
  /** What has become of each writer's request so far. */
  readonly #calls: Call[];

  /** A guest that was never admitted has no `parts`: its vCPUs can only leave. */
  constructor(words: Int32Array, vcpus: number, parts?: HostDeskParts) {
    this.#words = words;
    this.#vcpus = vcpus;
    this.#parts = parts;
    this.#calls = Array.from({ length: vcpus + 1 }, () => ({ doneNs: 0, answer: 0 }));
  }

  /** Serves what vCPUs ask and what is due by now; returns when something is due next, Infinity for never. */
  serve(nowNs: number): number {
    const parts = this.#parts;
    if (!parts) return Infinity;
    for (const [gfn, dueNs] of this.#arrivals) {
      if (dueNs > nowNs) continue;
      this.#arrivals.delete(gfn);
      parts.pages.release(gfn);
    }
    let nextNs = Infinity;
    for (let writer = 1; writer <= this.#vcpus; writer++) {
      const request = requestBy(this.#words, writer);
      if (request) nextNs = Math.min(nextNs, this.#serveOne(parts, writer, request, nowNs));
    }
    for (const dueNs of this.#arrivals.values()) nextNs = Math.min(nextNs, dueNs);
    return nextNs;
  }

  /** Whether every vCPU has made its last access. */
  haveAllLeft(): boolean {
    for (let writer = 1; writer <= this.#vcpus; writer++) {
      if (requestBy(this.#words, writer)?.kind !== ASK_LEAVE) return false;
    }
    return true;
  }

  /** Lets the vCPUs go that have left, once all of their guest's pages are back. */
  dismiss(): void {
    for (let writer = 1; writer <= this.#vcpus; writer++) answerTo(this.#words, writer);
  }

  /** Serves a request, as far as that can be done now; returns when it goes on, Infinity when it does not by itself. */
  #serveOne(
    parts: HostDeskParts,
    writer: number,
    { kind, gfn, pages }: HostRequest,
    nowNs: number,
  ): number {
    if (kind === ASK_LEAVE) return Infinity;
    if (kind === ASK_SURRENDER) {
      parts.surrender(gfn, pages);
      for (let i = gfn; i < gfn + pages; i++) this.#arrivals.delete(i);
      answerTo(this.#words, writer);
      return Infinity;
    }
    const call = this.#calls[writer]!;
    if (call.doneNs > nowNs) return call.doneNs;
    if (this.#arrivals.has(gfn)) return Infinity;
    if (!parts.pages.isResident(gfn)) return this.#bringIn(parts, call, gfn, nowNs);
    if (kind === ASK_WRITE && parts.pages.isShared(gfn)) {
      call.doneNs = nowNs + parts.faults.write(gfn, nowNs);
      return call.doneNs;
    }
    answerTo(this.#words, writer, call.answer);
    call.doneNs = call.answer = 0;
    return Infinity;
  }

  #bringIn({ pages, faults }: HostDeskParts, call: Call, gfn: number, nowNs: number): number {
    if (pages.swapSlots[gfn] !== NO_SLOT) call.answer = 1;
    const dueNs = nowNs + faults.fault(gfn, nowNs);
    this.#arrivals.set(gfn, dueNs);
    return dueNs;
  }
}
