import type { VirtualClock } from '../../clock/virtual.ts';
import { ForwardingLink } from '../../link/forwarding-link.ts';
import type { FrameKind, FrameRoom, Link } from '../../link/link.ts';
import { carriesPages, type Frame, FRAME, HEADER_BYTES, frameTypeAt } from '../../wire/frame.ts';
import { ENCODING, ENCODING_COUNT, isWordCoded } from '../../wire/encodings.ts';
import type { EncodingMeter } from '../../wire/meter.ts';
import { countBlockPages, eachPageRun } from '../../wire/pages.ts';
import { partAt } from '../../wire/parts.ts';
import { referencesAt } from '../../wire/references.ts';
import type { CompressionCosts } from '../compression-costs.ts';
import type { Costs } from '../costs.ts';
import type { VirtualCrew } from './crew.ts';
import type { ChannelCpus } from './channels/channel-cpus.ts';
import type { VirtualWorker } from './virtual-worker.ts';

/** Costs of a page hold for this many bytes, and grow with the page size. */
const COSTED_PAGE = 4096;

export interface VirtualLinkParts {
  readonly inner: Link;
  readonly clock: VirtualClock;
  readonly costs: Costs;
  readonly pageSize: number;
  readonly storedBytes: number;
  /** How many pages each memslot has. */
  readonly slots: readonly number[];
  /** Returns the time before which nothing arrives; tests stall the link with it. */
  readonly stalledUntilNs: () => number;
  /** Posting the first frame takes this much longer. */
  readonly setupNs?: number;
  /** Whether pages may be sent as references, so that each raw page is hashed. */
  readonly hashesPages?: boolean;
  /** What compressing pages takes, and taking blocks of them apart; absent if none are compressed. */
  readonly compression?: CompressionCosts | undefined;
  /** Knows what the encoder has tried, and takes what each encoding costs. */
  readonly meter?: EncodingMeter;
  /** The vCPUs that share a CPU with the sender. */
  readonly neighbours?: Pick<VirtualCrew, 'isRunning' | 'steal'>;
  /** The worker that does its work on the host's CPUs; without one, this end has a CPU of its own. */
  readonly worker?: VirtualWorker;
  /** The CPUs that it shares with other channels; without them, it has one of its own. */
  readonly cpus?: ChannelCpus;
  /** Notes which pages have been sent, which channels share; without it, this end notes that by itself. */
  readonly sent?: readonly Uint8Array[];
  /** Called before pages are read for a frame. */
  readonly beforeRead?: () => void;
  /** Called on each poll, when the frame before has been processed. */
  readonly afterFrame?: () => void;
}

/** Whether a page that is sent for the first time costs something else than later. */
const marksFirst = ({ rawSendBytesPerSecond, firstSendBytesPerSecond }: Costs): boolean =>
  rawSendBytesPerSecond !== firstSendBytesPerSecond;

/** Returns, for each memslot, a byte for each page that is 1 once the page has been sent raw; none if that has no effect. */
export const sentMarks = ({
  costs,
  slots,
}: Pick<VirtualLinkParts, 'costs' | 'slots'>): readonly Uint8Array[] =>
  slots.map((pages) => new Uint8Array(marksFirst(costs) ? pages : 0));

/** One end of a link whose sender and receiver take time for their work. */
export class VirtualLink extends ForwardingLink {
  readonly #parts: VirtualLinkParts;
  /** For each memslot, a byte for each page that is 1 once the page has been sent raw. */
  readonly #sent: readonly Uint8Array[];
  /** Whether a page that is sent for the first time costs something else than later. */
  readonly #marksFirst: boolean;
  /** The pages of a frame by encoding, of those that come as blocks. */
  readonly #blockPages: number[] = Array.from({ length: ENCODING_COUNT }, () => 0);
  #room: FrameRoom | undefined;
  /** Whether the time for the frame in the room has been spent. */
  #isMade = false;
  /** The setup time that the next frame still has to spend. */
  #setupNs: number;
  /** How long this end has worked. */
  busyNs = 0;

  constructor(parts: VirtualLinkParts) {
    super(parts.inner);
    this.#parts = parts;
    this.#setupNs = parts.setupNs ?? 0;
    this.#marksFirst = marksFirst(parts.costs);
    this.#sent = parts.sent ?? sentMarks(parts);
  }

  /** Puts what `make` makes of the link below in its place; to be called before anything is sent. */
  wrap(make: (inner: Link) => Link): void {
    this.inner = make(this.inner);
  }

  override room(maxBytes: number, kind: FrameKind): FrameRoom | undefined {
    this.#room = this.inner.room(maxBytes, kind);
    if (this.#room && kind !== 'control') this.#parts.beforeRead?.();
    return this.#room;
  }

  override post(bytes: number, storedBytes?: number, chargedBytes?: number): void {
    if (!this.#isMade) this.make(bytes);
    this.#isMade = false;
    this.inner.post(bytes, storedBytes, chargedBytes);
  }

  /**
   * Spends the time that it takes to make and write the frame in the last room, which `post` does otherwise. A channel
   * makes its frame first, and waits for the link then.
   */
  make(bytes: number): void {
    this.#isMade = true;
    const { memory, at } = this.#room!;
    const type = frameTypeAt(memory, at);
    if (type === FRAME.pages) this.#work(this.#pagesNs(bytes));
    else if (type === FRAME.reference) this.#work(this.#referencesNs(bytes));
    else if (type === FRAME.part) this.#work(this.#partNs(bytes));
    else if (type === FRAME.device) this.#work(this.#deviceNs(bytes));
    else this.#work(this.#setupNs);
    this.#setupNs = 0;
    if (carriesPages({ type }) || type === FRAME.device) this.#useCpu(bytes);
  }

  override poll(): Frame | undefined {
    this.#parts.afterFrame?.();
    if (this.#parts.clock.now() < this.#parts.stalledUntilNs()) {
      this.inner.release();
      return undefined;
    }
    const frame = this.inner.poll();
    if (frame && carriesPages(frame)) this.#work(this.#installNs(frame));
    return frame;
  }

  override arrivalAtNs(): number {
    return Math.max(this.inner.arrivalAtNs(), this.#parts.stalledUntilNs());
  }

  /** Returns how long it takes to install the pages, or the part of one, that a frame has brought. */
  #installNs(frame: Frame): number {
    const { costs, pageSize, storedBytes } = this.#parts;
    if (frame.type === FRAME.reference) {
      const pages = referencesAt(frame.memory, frame.controlAt - HEADER_BYTES);
      return (pages * pageSize * (costs.hashNs + costs.installNs)) / COSTED_PAGE;
    }
    const stored = frame.payloadEnd - frame.payloadAt;
    const isPart = frame.type === FRAME.part;
    const partBytes = isPart ? partAt(frame.memory, frame.controlAt - HEADER_BYTES).bytes : 0;
    const bytes = isPart ? (stored > 0 ? partBytes : 0) : (stored / storedBytes) * pageSize;
    const { comparedNs, unpackedNs } = this.#blocksNs(frame);
    return (bytes * costs.installNs + comparedNs) / COSTED_PAGE + unpackedNs;
  }

  /**
   * Returns what it takes to make the pages of a frame that come as blocks: those of differences by the byte, as costs
   * hold for 4 KiB, and the compressed ones in all.
   */
  #blocksNs(frame: Frame): { comparedNs: number; unpackedNs: number } {
    const { pageSize, costs, compression } = this.#parts;
    if (frame.type !== FRAME.pages) return { comparedNs: 0, unpackedNs: 0 };
    const pages = this.#blockPages.fill(0);
    countBlockPages(frame, pageSize, pages);
    const compared = pages[ENCODING.xbzrle]! + pages[ENCODING.same]!;
    const comparedNs = compared * pageSize * costs.xbzrleNs;
    const packed = compression ? pages[compression.encoding]! : 0;
    const coded = pages[ENCODING.sparse]! + pages[ENCODING.words]!;
    const codedNs = (coded * pageSize * costs.wordsNs) / COSTED_PAGE;
    const unpackedNs =
      compression && packed > 0 ? compression.decompressNs(packed, pageSize) + codedNs : codedNs;
    return { comparedNs, unpackedNs };
  }

  /** Spends the time for work that takes `ns` on a CPU of its own. */
  #work(ns: number): void {
    const { clock, worker, cpus } = this.#parts;
    const takesNs = worker ? worker.work(ns) : ns;
    this.busyNs += takesNs;
    if (cpus) clock.moveTo(cpus.work(clock.now(), takesNs));
    else clock.spend(takesNs);
  }

  /** Spends the CPU time of sending; the sender and a running vCPU on the same CPU get half of it each. */
  #useCpu(bytes: number): void {
    const { clock, costs, neighbours } = this.#parts;
    const cpuNs = bytes * costs.senderCpuNsPerByte;
    if (cpuNs === 0 || !neighbours) return;
    if (!neighbours.isRunning()) return clock.spend(cpuNs);
    neighbours.steal(cpuNs);
    clock.spend(2 * cpuNs);
  }

  /** Returns how long it takes to send a piece of a device's state; its save has its own time. */
  #deviceNs(bytes: number): number {
    return (bytes / this.#parts.costs.rawSendBytesPerSecond) * 1e9;
  }

  /** Returns how long it takes to read and send the pages of the frame that was just built. */
  #pagesNs(bytes: number): number {
    const { costs, pageSize, hashesPages, meter, compression } = this.#parts;
    const { memory, at } = this.#room!;
    let all = 0;
    let raw = 0;
    let first = 0;
    let zero = 0;
    let compared = 0;
    let packed = 0;
    let coded = 0;
    eachPageRun(memory, at, (slot, from, pages, encoding) => {
      all += pages;
      if (encoding === ENCODING.zero) zero += pages;
      else if (encoding === ENCODING.xbzrle || encoding === ENCODING.same) compared += pages;
      else if (isWordCoded(encoding)) coded += pages;
      else if (encoding !== ENCODING.raw) packed += pages;
      if (encoding !== ENCODING.raw) return;
      raw += pages;
      if (!this.#marksFirst) return;
      const sent = this.#sent[slot]!;
      for (let page = from; page < from + pages; page++) {
        if (sent[page] !== 0) continue;
        sent[page] = 1;
        first++;
      }
    });
    const scale = pageSize / COSTED_PAGE;
    const hashNs = hashesPages ? raw * costs.hashNs : 0;
    const xbzrleNs = compared * costs.xbzrleNs;
    const encodeNs = (all * costs.encodeNs + zero * costs.zeroPageNs + hashNs + xbzrleNs) * scale;
    const tried = compression ? meter?.takeTried() : undefined;
    const compressNs = tried ? compression!.compressNs(tried.pages, tried.blocks, pageSize) : 0;
    const wordsNs = tried ? tried.coded * costs.wordsNs * scale : 0;
    if (meter && compression) {
      const { ns } = meter;
      ns[ENCODING.zero]! += zero * (costs.encodeNs + costs.zeroPageNs) * scale;
      ns[ENCODING.xbzrle]! += compared * (costs.encodeNs + costs.xbzrleNs) * scale;
      ns[ENCODING.words]! += coded * costs.encodeNs * scale + wordsNs;
      ns[compression.encoding]! += packed * costs.encodeNs * scale + compressNs;
      ns[ENCODING.raw]! += raw * costs.encodeNs * scale + hashNs * scale;
    }
    const firstBytes = raw === 0 ? 0 : (bytes * first) / raw;
    return encodeNs + compressNs + wordsNs + this.#sendNs(bytes, firstBytes);
  }

  /** Returns how long it takes to read and hash the pages of a frame of references, and to send the frame. */
  #referencesNs(bytes: number): number {
    const { costs, pageSize } = this.#parts;
    const { memory, at } = this.#room!;
    const pages = referencesAt(memory, at);
    const scale = pageSize / COSTED_PAGE;
    return pages * (costs.encodeNs + costs.hashNs) * scale + this.#sendNs(bytes, 0);
  }

  /** Returns the same of the part of a page; a page is sent for the first time until its last part has been. */
  #partNs(bytes: number): number {
    const { costs, pageSize } = this.#parts;
    const { memory, at } = this.#room!;
    const part = partAt(memory, at);
    const sent = this.#sent[part.slot]!;
    const isFirst = this.#marksFirst && part.isRaw && sent[part.page] === 0;
    if (this.#marksFirst && part.offset + part.bytes === pageSize) sent[part.page] = 1;
    const perPageNs = costs.encodeNs + (part.isRaw ? 0 : costs.zeroPageNs);
    return (part.bytes / COSTED_PAGE) * perPageNs + this.#sendNs(bytes, isFirst ? bytes : 0);
  }

  /** Returns how long it takes to send bytes, so many of which belong to pages that are sent for the first time. */
  #sendNs(bytes: number, firstBytes: number): number {
    const { rawSendBytesPerSecond, firstSendBytesPerSecond } = this.#parts.costs;
    const again = (bytes - firstBytes) / rawSendBytesPerSecond;
    return (again + firstBytes / firstSendBytesPerSecond) * 1e9;
  }
}
