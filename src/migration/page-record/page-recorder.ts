import type { Clock } from '../../clock/clock.ts';
import type { FrameRoom } from '../../link/link.ts';
import type { HarvestObserver } from '../../memory/dirty-logs/log-reader.ts';
import type { GuestMemory } from '../../memory/guest-memory.ts';
import { ENCODING } from '../../wire/encodings.ts';
import { eachPageRun } from '../../wire/pages.ts';
import { ColumnSeries, emptyColumn, type PageColumn } from './columns.ts';
import { PageCounts } from './page-counts.ts';

/** What a migration has sent and found dirty, by bins of gfns and over time. It is plain data. */
export interface PageRecord {
  readonly binPages: number;
  /** The live rounds; each column has `roundsEach` of them, the last one perhaps fewer. */
  readonly live: { readonly roundsEach: number; readonly columns: readonly PageColumn[] };
  /** What was sent while the guest was paused; absent if it was not paused. */
  readonly stopped?: PageColumn;
  /** What was sent after RUN, from `fromNs` on; absent without post-copy. */
  readonly postcopy?: {
    readonly fromNs: number;
    readonly columnNs: number;
    readonly columns: readonly PageColumn[];
  };
  /** How many pages were sent n times, by n. */
  readonly sentTimes: readonly number[];
  /** How many pages were found dirty by n harvests, by n. */
  readonly dirtiedTimes: readonly number[];
  /** By bin, how often its pages were sent again after the first time. */
  readonly sentAgain: readonly number[];
}

/** The limits of a record. Pages are counted one by one up to as many pages as there may be bins. */
const MOST_BINS = 1024;
const MOST_LIVE = 96;
const MOST_POSTCOPY = 32;
/** Post-copy's columns begin with this much time each. */
const POSTCOPY_STEP_NS = 1e6;

/** What PageRecorder needs of the session that it belongs to. */
export interface RecordedSession {
  readonly side: { readonly clock: Clock; readonly guest: { readonly memory: GuestMemory } };
  readonly metrics: {
    readonly rounds: readonly { readonly stopped: boolean }[];
    readonly hasRounds: boolean;
  };
  readonly phase: string;
  readonly isPostcopy: boolean;
  readonly stop: { readonly handedNs?: number };
}

/** Records which pages a migration sends and which ones its harvests find dirty. */
export class PageRecorder {
  readonly #session: RecordedSession;
  readonly #shift: number;
  readonly #bins: number;
  readonly #sent: PageCounts;
  readonly #dirtied: PageCounts;
  readonly #live: ColumnSeries;
  readonly #postcopy: ColumnSeries;
  readonly #stopped: PageColumn;
  /** The pages that harvests have found dirty since the last one that ended a round. */
  #harvested: Uint32Array;

  constructor(session: RecordedSession) {
    this.#session = session;
    const { pages } = session.side.guest.memory;
    this.#shift = Math.max(0, Math.ceil(Math.log2(pages / MOST_BINS)));
    this.#bins = ((pages - 1) >>> this.#shift) + 1;
    this.#sent = new PageCounts(pages);
    this.#dirtied = new PageCounts(pages);
    this.#live = new ColumnSeries(this.#bins, MOST_LIVE);
    this.#postcopy = new ColumnSeries(this.#bins, MOST_POSTCOPY);
    this.#stopped = emptyColumn(this.#bins);
    this.#harvested = new Uint32Array(this.#bins);
  }

  /** Counts the pages of a page frame that has been built in a room and is about to be posted. */
  sent({ memory, at }: FrameRoom): void {
    const column = this.#column();
    const { slots } = this.#session.side.guest.memory;
    eachPageRun(memory, at, (slot, first, pages, encoding) => {
      const gfn = slots[slot]!.layout.firstGfn + first;
      this.#sent.addRun(gfn, pages);
      this.#addRun(column.sent, gfn, pages);
      if (encoding === ENCODING.zero) this.#addRun(column.zero, gfn, pages);
    });
  }

  /** Counts a page that has left part by part, with its last part. */
  sentPage(gfn: number, isZero: boolean): void {
    const column = this.#column();
    this.#sent.addRun(gfn, 1);
    this.#addRun(column.sent, gfn, 1);
    if (isZero) this.#addRun(column.zero, gfn, 1);
  }

  /** Returns the column of what is sent now. */
  #column(): PageColumn {
    const { isPostcopy, phase, metrics } = this.#session;
    if (isPostcopy) return this.#postcopyColumn();
    return phase === 'stopped' ? this.#stopped : this.#live.at(metrics.rounds.length);
  }

  #postcopyColumn(): PageColumn {
    const { side, stop } = this.#session;
    return this.#postcopy.at(Math.floor((side.clock.now() - stop.handedNs!) / POSTCOPY_STEP_NS));
  }

  /** Adds a run of pages to counts by bin. */
  #addRun(counts: Uint32Array, gfn: number, pages: number): void {
    const shift = this.#shift;
    const last = (gfn + pages - 1) >>> shift;
    let at = gfn;
    for (let bin = gfn >>> shift; bin < last; bin++) {
      const next = (bin + 1) << shift;
      counts[bin]! += next - at;
      at = next;
    }
    counts[last]! += gfn + pages - at;
  }

  /** Counts a request of the destination. */
  requested(gfn: number): void {
    this.#postcopyColumn().requested[gfn >>> this.#shift]!++;
  }

  /** Counts the pages of a memslot that a harvest has added to the unsent ones. */
  readonly observe: HarvestObserver = (firstGfn, before, after) => {
    // Before anything has been sent every page is unsent, and no round has such a harvest.
    if (!this.#session.metrics.hasRounds) return;
    for (let word = 0; word < after.length; word++) {
      for (let bits = after[word]! & ~before[word]!; bits !== 0; bits &= bits - 1) {
        const gfn = firstGfn + word * 32 + 31 - Math.clz32(bits & -bits);
        this.#dirtied.add(gfn);
        this.#harvested[gfn >>> this.#shift]!++;
      }
    }
  };

  /** Counts the pages observed since the last call for a round, whose number is from 1. */
  synced(round: number): void {
    const { dirtied } = this.#live.at(round - 1);
    for (let bin = 0; bin < this.#bins; bin++) dirtied[bin]! += this.#harvested[bin]!;
    this.#harvested.fill(0);
  }

  /** Returns the record of a migration that is over. */
  record(): PageRecord {
    const { metrics, isPostcopy, stop } = this.#session;
    const liveRounds = metrics.rounds.filter(({ stopped }) => !stopped).length;
    // A round that has sent nothing has a column too.
    if (liveRounds > 0) this.#live.at(liveRounds - 1);
    const { columns, stepsEach } = this.#postcopy;
    return {
      binPages: 2 ** this.#shift,
      live: { roundsEach: this.#live.stepsEach, columns: this.#live.columns },
      ...(metrics.rounds.length > liveRounds ? { stopped: this.#stopped } : {}),
      ...(isPostcopy
        ? {
            postcopy: { fromNs: stop.handedNs!, columnNs: stepsEach * POSTCOPY_STEP_NS, columns },
          }
        : {}),
      sentTimes: this.#sent.histogram(),
      dirtiedTimes: this.#dirtied.histogram(),
      sentAgain: this.#sent.repeats(this.#shift),
    };
  }
}
