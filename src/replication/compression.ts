import { deflateRawSync } from 'node:zlib';
import type { PageCode, PageEncoder } from '../wire/epoch-pages.ts';
import { encodeWordRuns } from '../wire/word-runs.ts';
import { encodeXorRuns } from '../wire/xor-runs.ts';
import type { Compression } from './config.ts';

/** A difference that does not make a page this many times smaller is not good enough: the page is deflated instead. */
const LEAST_RATIO = 5;

/** How many pages were sent in each encoding, and with how many bytes. */
export type CodeCounts = Record<PageCode, { pages: number; bytes: number }>;

export const noCounts = (): CodeCounts => ({
  raw: { pages: 0, bytes: 0 },
  xor: { pages: 0, bytes: 0 },
  deflate: { pages: 0, bytes: 0 },
  words: { pages: 0, bytes: 0 },
});

/** What compression costs, in nanoseconds for a page. */
export interface CompressionCosts {
  readonly xorNs: number;
  readonly deflateNs: number;
}

/**
 * Makes pages smaller before they are sent. `raw` does not. `xor` sends the runs of differences from the copy that was
 * sent last, which a cache keeps for some pages, the least recently sent ones leaving first. `gzip` deflates every
 * page. `hybrid` is that of the Remus paper (section 6.4): differences, unless the page is not in the cache or they are
 * not five times smaller; it is deflated then. `xen` is the code of Xen, with differences in words of four bytes. A page
 * that does not get smaller is sent raw, except by `xen`.
 */
export class PageCompressor implements PageEncoder {
  code: PageCode = 'raw';
  readonly counts = noCounts();
  /** How many pages were found in the cache, and how many were sought there. */
  readonly cache = { hits: 0, lookUps: 0 };
  readonly #kind: Compression;
  readonly #cachePages: number;
  readonly #costs: CompressionCosts;
  readonly #work: (ns: number) => void;
  readonly #sent = new Map<string, Uint8Array>();

  /** `work` is told how long each page has kept the sender busy. */
  constructor(
    kind: Compression,
    cachePages: number,
    costs: CompressionCosts,
    work: (ns: number) => void,
  ) {
    this.#kind = kind;
    this.#cachePages = cachePages;
    this.#costs = costs;
    this.#work = work;
  }

  encode(slot: number, page: number, content: Uint8Array, out: Uint8Array, at: number): number {
    const bytes = this.#encode(`${slot}:${page}`, content, out, at);
    const count = this.counts[this.code];
    count.pages++;
    count.bytes += bytes;
    return bytes;
  }

  #encode(key: string, content: Uint8Array, out: Uint8Array, at: number): number {
    const kind = this.#kind;
    if (kind === 'raw') return this.#raw(content, out, at);
    if (kind === 'gzip') return this.#deflated(content, out, at);
    const old = this.#replace(key, content);
    if (old) this.#work(this.#costs.xorNs);
    if (kind === 'xen') {
      this.code = 'words';
      return encodeWordRuns(old, content, out, at);
    }
    const most = kind === 'xor' ? content.length - 1 : Math.floor(content.length / LEAST_RATIO);
    const bytes = old ? encodeXorRuns(old, content, out, at, most) : -1;
    if (bytes >= 0) {
      this.code = 'xor';
      return bytes;
    }
    return kind === 'xor' ? this.#raw(content, out, at) : this.#deflated(content, out, at);
  }

  #raw(content: Uint8Array, out: Uint8Array, at: number): number {
    this.code = 'raw';
    out.set(content, at);
    return content.length;
  }

  #deflated(content: Uint8Array, out: Uint8Array, at: number): number {
    this.#work(this.#costs.deflateNs);
    const deflated = deflateRawSync(content);
    if (deflated.length >= content.length) return this.#raw(content, out, at);
    this.code = 'deflate';
    out.set(deflated, at);
    return deflated.length;
  }

  /** Puts a page into the cache; returns the copy that was sent before, if it is still there. */
  #replace(key: string, content: Uint8Array): Uint8Array | undefined {
    const old = this.#sent.get(key);
    this.cache.lookUps++;
    if (old) this.cache.hits++;
    this.#sent.delete(key);
    this.#sent.set(key, content.slice());
    if (this.#sent.size > this.#cachePages) this.#sent.delete(this.#sent.keys().next().value!);
    return old;
  }
}
