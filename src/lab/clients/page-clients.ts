import { Generator } from '../../random/generator.ts';
import type { PacketRun } from '../../replication/net-buffer.ts';
import type { AskedGuest, Clients } from '../../runtime/virtual/replication/clients.ts';

/** Clients ask a guest that holds nothing back for news this often while they wait. */
const LOOK_NS = 1e6;

/** What the clients of a web server do, and what the server makes of it. */
export interface PageClientsParts {
  readonly seed: number;
  readonly sessions: number;
  /** Each session opens a page this often on average, at random times, whatever became of its last one. */
  readonly thinkNs: number;
  /** A page takes so many requests, one after the other. */
  readonly requests: number;
  /** The guest makes so many accesses for each of them, and answers with one packet then. */
  readonly accesses: number;
  /** The server works at so many pages at a time; a worker waits while a request of its page is on the way. */
  readonly workers: number;
  /** Every answer arrives so much later than it has left the guest. */
  readonly delayNs: number;
  /** Pages are opened between these times; only those opened from `countedNs` on count. */
  readonly fromNs: number;
  readonly countedNs: number;
  readonly untilNs: number;
}

interface Page {
  readonly openedNs: number;
  left: number;
}

/**
 * An open loop of sessions that open pages of a web server. A page waits for a worker, then asks for one thing after
 * another, each time when the answer to the last request has arrived. The guest serves requests in their order; the n-th
 * packet that leaves it answers the n-th request.
 */
export class PageClients implements Clients {
  readonly isOver = false;
  /** How long each page that counts has taken; Infinity for one that is still open. */
  readonly #pages: { readonly openedNs: number; ns: number }[] = [];
  readonly #parts: PageClientsParts;
  readonly #random: Generator;
  readonly #queue: Page[] = [];
  readonly #asked: Page[] = [];
  readonly #answers: { readonly page: Page; readonly atNs: number }[] = [];
  #guest: AskedGuest | undefined;
  #working = 0;
  #nextPageNs: number;
  #lookedNs = -Infinity;

  constructor(parts: PageClientsParts) {
    this.#parts = parts;
    this.#random = new Generator(parts.seed, 1);
    this.#nextPageNs = parts.fromNs;
    this.#nextPageNs += this.#gapNs();
  }

  begin(guest: AskedGuest): void {
    this.#guest = guest;
  }

  hear(run: PacketRun, atNs: number): void {
    const { from, to, firstNs, lastNs } = run;
    const isHeld = atNs > lastNs;
    const stepNs = to > from ? (lastNs - firstNs) / (to - from) : 0;
    for (let n = from; n <= to; n++) {
      const page = this.#asked.shift();
      if (!page) return;
      const leftNs = isHeld ? atNs : lastNs - (to - n) * stepNs;
      this.#answers.push({ page, atNs: leftNs + this.#parts.delayNs });
    }
  }

  nextNs(nowNs: number): number {
    const answerNs = this.#answers[0]?.atNs ?? Infinity;
    const lookNs = this.#asked.length > 0 ? this.#lookedNs + LOOK_NS : Infinity;
    return Math.max(nowNs, Math.min(answerNs, lookNs, this.#nextPageNs));
  }

  step(nowNs: number): void {
    while (this.#answers[0] && this.#answers[0].atNs <= nowNs) {
      this.#answered(this.#answers.shift()!.page, nowNs);
    }
    while (this.#nextPageNs <= nowNs) {
      this.#queue.push({ openedNs: this.#nextPageNs, left: this.#parts.requests });
      this.#nextPageNs += this.#gapNs();
      this.#work(nowNs);
    }
    if (this.#asked.length > 0 && nowNs >= this.#lookedNs + LOOK_NS) {
      this.#lookedNs = nowNs;
      this.#guest!.live(nowNs);
    }
  }

  /** Returns how long each page has taken that counts, in nanoseconds; Infinity for those that are still open. */
  pageTimes(): number[] {
    const { countedNs } = this.#parts;
    const waiting = [...this.#queue, ...this.#asked, ...this.#answers.map(({ page }) => page)];
    const open = waiting.map(({ openedNs }) => ({ openedNs, ns: Infinity }));
    return [...this.#pages, ...open]
      .filter(({ openedNs }) => openedNs >= countedNs)
      .map(({ ns }) => ns);
  }

  #answered(page: Page, nowNs: number): void {
    page.left--;
    if (page.left > 0) {
      this.#ask(page, nowNs);
      return;
    }
    this.#pages.push({ openedNs: page.openedNs, ns: nowNs - page.openedNs });
    this.#working--;
    this.#work(nowNs);
  }

  /** Gives idle workers the pages that wait. */
  #work(nowNs: number): void {
    while (this.#working < this.#parts.workers && this.#queue.length > 0) {
      this.#working++;
      this.#ask(this.#queue.shift()!, nowNs);
    }
  }

  #ask(page: Page, nowNs: number): void {
    this.#asked.push(page);
    this.#guest!.ask(this.#parts.accesses, nowNs);
  }

  /** Draws the time to the next page, whose times are those of a Poisson process. */
  #gapNs(): number {
    const { sessions, thinkNs, untilNs } = this.#parts;
    const uniform = (this.#random.next() + 1) / 4294967297;
    const gapNs = (-Math.log(uniform) * thinkNs) / sessions;
    return this.#nextPageNs + gapNs < untilNs ? gapNs : Infinity;
  }
}
