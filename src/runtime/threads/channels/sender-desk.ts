import type { Memslot } from '../../../memory/memslot.ts';
import { Doorbell } from '../../../memory/doorbell.ts';
import type { TakenRuns } from '../../../memory/page-set.ts';
import type { ChannelCounts, PostedFrame } from '../../../migration/channels/ports.ts';
import { ENCODING_COUNT } from '../../../wire/encodings.ts';
import { batchPages, PART_UNIT } from '../../../wire/limits.ts';

/**
 * The words that the source's engine and the sender of one channel share:
 *
 *   i32   0  doorbell of the sender (2 words), rung by the engine and by the channel's receiver
 *         2  1 once the sender may leave
 *         3  number of the last SYNC that the engine wants, and
 *         4  of the last one that the sender has posted
 *   f64   8  frames, bytes, pages, busy ns, posted bytes, and until when the link is busy with them
 *
 * Then come cells, each with one batch of pages: i32 state, slot, runs, pages, list of runs; f64 what became of them. The
 * engine and the sender go through the cells in turn. A cell belongs to the engine while it is free or posted, and to the
 * sender while it is handed.
 */
const LEAVE = 2;
const WANTED = 3;
const POSTED = 4;
const COUNTS = 8;
const CELLS_AT = 16 * 8;
/** One batch is being sent while the next one waits. */
const CELLS = 2;

const STATE = 0;
const SLOT = 1;
const RUNS = 2;
const PAGES = 3;
const LIST = 4;
const MOST_RUNS = batchPages(PART_UNIT);
const CELL_INTS = LIST + 2 * MOST_RUNS;
const RESULTS = 6 + 2 * ENCODING_COUNT;
const CELL_BYTES = 8 * Math.ceil(CELL_INTS / 2) + 8 * RESULTS;

const FREE = 0;
const HANDED = 1;
const SENT = 2;

export type SharedSenderDesk = SharedArrayBuffer;

export const createSenderDesk = (): SharedSenderDesk =>
  new SharedArrayBuffer(CELLS_AT + CELLS * CELL_BYTES);

/** A cell as either side sees it. */
interface Cell {
  readonly ints: Int32Array;
  readonly results: Float64Array;
}

/** The desk, as opened by either side in its own thread. */
class Desk {
  readonly doorbell: Doorbell;
  protected readonly words: Int32Array;
  protected readonly counts: Float64Array;
  protected readonly cells: readonly Cell[];

  constructor(shared: SharedSenderDesk) {
    this.words = new Int32Array(shared, 0, 16);
    this.counts = new Float64Array(shared, COUNTS * 8, 6);
    this.doorbell = new Doorbell(this.words, 0);
    this.cells = Array.from({ length: CELLS }, (_, index) => {
      const at = CELLS_AT + index * CELL_BYTES;
      const ints = new Int32Array(shared, at, CELL_INTS);
      return { ints, results: new Float64Array(shared, at + CELL_BYTES - 8 * RESULTS, RESULTS) };
    });
  }
}

const stateOf = ({ ints }: Cell): number => Atomics.load(ints, STATE);

/** The engine's side of the desk. */
export class SenderDeskOfEngine extends Desk {
  #next = 0;
  #oldest = 0;

  /** Whether a batch can be handed over, once what has been sent has been taken. */
  get isIdle(): boolean {
    return stateOf(this.cells[this.#next % CELLS]!) !== HANDED;
  }

  /** Whether all batches have been sent, and SYNC behind them if one is wanted. */
  get isSettled(): boolean {
    const isSynced = Atomics.load(this.words, POSTED) === Atomics.load(this.words, WANTED);
    return isSynced && this.cells.every((cell) => stateOf(cell) !== HANDED);
  }

  get channelCounts(): ChannelCounts {
    const [frames, bytes, pages, busyNs] = this.counts;
    return { frames: frames!, bytes: bytes!, pages: pages!, busyNs: busyNs! };
  }

  get postedBytes(): number {
    return this.counts[4]!;
  }

  get drainedAtNs(): number {
    return this.counts[5]!;
  }

  /** Hands pages over; returns false if no cell is free. */
  hand({ slot, runs, pages, list }: TakenRuns): boolean {
    const cell = this.cells[this.#next % CELLS]!;
    if (stateOf(cell) !== FREE) return false;
    cell.ints[SLOT] = slot.layout.index;
    cell.ints[RUNS] = runs;
    cell.ints[PAGES] = pages;
    for (let i = 0; i < 2 * runs; i++) cell.ints[LIST + i] = list[i]!;
    Atomics.store(cell.ints, STATE, HANDED);
    this.#next++;
    this.doorbell.ring();
    return true;
  }

  sync(number: number): void {
    Atomics.store(this.words, WANTED, number);
    this.doorbell.ring();
  }

  /** Takes what became of the oldest batch, if that has been sent; the desk is that of `channel`. */
  takeSent(channel: number): PostedFrame | undefined {
    const cell = this.cells[this.#oldest % CELLS]!;
    if (stateOf(cell) !== SENT) return undefined;
    const [begunNs, linkFromNs, linkToNs, writtenNs, length, storedLength] = cell.results;
    const pages = Array.from(cell.results.subarray(6, 6 + ENCODING_COUNT));
    const bytes = Array.from(cell.results.subarray(6 + ENCODING_COUNT));
    Atomics.store(cell.ints, STATE, FREE);
    this.#oldest++;
    return {
      encoded: { length: length!, storedLength: storedLength!, tally: { pages, bytes } },
      begunNs: begunNs!,
      linkFromNs: linkFromNs!,
      linkToNs: linkToNs!,
      writtenNs: writtenNs!,
      channel,
      isLast: true,
    };
  }

  /** Lets the sender's thread leave. */
  dismiss(): void {
    Atomics.store(this.words, LEAVE, 1);
    this.doorbell.ring();
  }
}

/** The sender's side of the desk. */
export class SenderDeskOfThread extends Desk {
  #next = 0;

  get mayLeave(): boolean {
    return Atomics.load(this.words, LEAVE) !== 0;
  }

  /**
   * Returns the batch or the SYNC that is next; undefined if there is none. A batch that was handed over before a SYNC was
   * wanted goes first, so the wish is read before the cell.
   */
  nextTask(slots: readonly Memslot[]): TakenRuns | number | undefined {
    const wanted = Atomics.load(this.words, WANTED);
    const { ints, ...cell } = this.cells[this.#next % CELLS]!;
    if (stateOf({ ints, ...cell }) === HANDED) {
      const runs = ints[RUNS]!;
      const list = Uint32Array.from(ints.subarray(LIST, LIST + 2 * runs));
      return { slot: slots[ints[SLOT]!]!, runs, list, pages: ints[PAGES]!, skipped: 0, cursor: 0 };
    }
    return wanted > Atomics.load(this.words, POSTED) ? wanted : undefined;
  }

  /** Says what became of the batch. */
  sent({
    encoded,
    begunNs,
    linkFromNs,
    linkToNs,
    writtenNs,
  }: Omit<PostedFrame, 'channel' | 'isLast'>): void {
    const { ints, results } = this.cells[this.#next++ % CELLS]!;
    const { length, storedLength, tally } = encoded;
    results.set([begunNs, linkFromNs, linkToNs, writtenNs, length, storedLength]);
    results.set(tally.pages, 6);
    results.set(tally.bytes, 6 + ENCODING_COUNT);
    Atomics.store(ints, STATE, SENT);
  }

  synced(number: number): void {
    Atomics.store(this.words, POSTED, number);
  }

  /** Says what the channel has carried so far. */
  count(
    { frames, bytes, pages, busyNs }: ChannelCounts,
    link: { readonly postedBytes: number; readonly drainedAtNs: number },
  ): void {
    this.counts.set([frames, bytes, pages, busyNs, link.postedBytes, link.drainedAtNs]);
  }
}
