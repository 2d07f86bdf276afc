import { type GuestMemory, GuestPageSet } from '../guest-memory.ts';
import { READER_SETS, readerSetAt } from '../layout.ts';
import type { DirtyLog, DirtyLogKind, DirtyLogParts, RingCounts } from './dirty-log.ts';
import type { HarvestObserver, LogReader, ManualClear } from './log-reader.ts';
import { manualClear } from './manual-clear.ts';
import { openDirtyLog } from './open.ts';

/** What is kept of an open reader. */
interface OpenReader {
  /** Its number, which decides where its page set lies. */
  readonly place: number;
  readonly pages: GuestPageSet;
  /** Whether the reader has started logging. */
  isOn: boolean;
  /** The number of pages that other readers' harvests have added to its set since it last collected. */
  earlyPages: number;
  /** What observes the marks that come into its set. */
  observer?: HarvestObserver;
}

/**
 * Shares a guest's dirty log between several readers. The log is on while any reader has started it. A harvest takes
 * marks out of the log for good, so the reader that harvests adds them to the sets of all others that are on. A page
 * that enters a set before its reader asks for it is safe there: its mark is taken before the reader reads the page.
 * With one reader every call goes straight to the log.
 */
export class LogReaders {
  readonly #memory: GuestMemory;
  readonly #log: DirtyLog;
  readonly #clearing:
    { readonly log: ReturnType<typeof manualClear>; readonly chunkPages: number } | undefined;
  readonly #open: OpenReader[] = [];
  #sharedHarvest: GuestPageSet | undefined;
  /** Whether a harvest has been requested that nobody has collected yet. */
  #isHarvestPending = false;
  /** The readers that wait for that harvest. A reader that stops waits no longer, and may leave it to nobody. */
  readonly #waiting = new Set<OpenReader>();

  /** With `clearChunkPages` the reader clears marks itself, in chunks of so many pages (manual-clear.ts). */
  constructor(kind: DirtyLogKind, parts: DirtyLogParts, clearChunkPages?: number) {
    this.#memory = parts.memory;
    const log = openDirtyLog(kind, parts);
    if (clearChunkPages === undefined) {
      this.#log = log;
      return;
    }
    const clearing = manualClear(log, parts);
    this.#log = clearing;
    this.#clearing = { log: clearing, chunkPages: clearChunkPages };
  }

  /**
   * Opens a reader with an empty set. Throws when READER_SETS readers are open, and for a second reader of a log with
   * manual clear, since no other reader would ever see the marks that one clears.
   */
  open(): LogReader {
    if (this.#clearing && this.#open.length > 0) {
      throw new Error('a dirty log with manual clear can have only one reader');
    }
    const place = firstFree(this.#open.map((reader) => reader.place));
    if (place >= READER_SETS) {
      throw new Error(`a dirty log can have at most ${READER_SETS} readers`);
    }
    const pages = this.#setAt(place);
    pages.clear();
    const reader: OpenReader = { place, pages, isOn: false, earlyPages: 0 };
    this.#open.push(reader);
    const log = this.#log;
    const manual = this.#manualOf(reader);
    return {
      kind: log.kind,
      pages,
      observe: (observer) => void (reader.observer = observer),
      ...(manual ? { manualClear: manual } : {}),
      start: () => this.#start(reader),
      harvest: () => this.#harvest(reader),
      stop: () => this.#stop(reader),
      isSettled: log.isSettled,
      collect: () => this.#collect(reader, log.collect),
      collectLast: () => this.#collect(reader, log.collectLast),
      liveMaps: log.liveMaps,
      makeRoom: log.makeRoom,
      ringCounts: log.ringCounts,
      close: () => this.#close(reader),
    };
  }

  /** Returns what the rings of a log `ring` have counted, one entry a vCPU; other logs have no entries. */
  ringCounts(): readonly RingCounts[] {
    return this.#log.ringCounts();
  }

  /** Makes room for a writer that waits for it, whether anybody reads the log or not. */
  makeRoom(): void {
    this.#log.makeRoom();
  }

  #setAt(place: number): GuestPageSet {
    return new GuestPageSet(this.#memory, ({ layout }) => readerSetAt(layout, place));
  }

  #manualOf({ pages }: OpenReader): ManualClear | undefined {
    if (!this.#clearing) return undefined;
    const { log, chunkPages } = this.#clearing;
    return { chunkPages, clear: log.clear, cleared: () => log.cleared(pages), forget: log.forget };
  }

  #start(reader: OpenReader): void {
    const isFirst = this.#open.every(({ isOn }) => !isOn);
    reader.isOn = true;
    // A reader that joins others may get marks that are older than its start: those not harvested yet.
    if (!isFirst) return;
    this.#isHarvestPending = false;
    this.#waiting.clear();
    this.#log.start();
  }

  /**
   * Asks for a harvest. One that another reader waits for serves both. One that was requested by readers that have
   * stopped ended long ago, perhaps, so its marks are taken now, and a new harvest brings those made since.
   */
  #harvest(reader: OpenReader): void {
    const isLeft = this.#isHarvestPending && this.#waiting.size === 0;
    if (isLeft && this.#log.isSettled()) {
      reader.earlyPages = this.#collect(reader, this.#log.collect);
    }
    this.#waiting.add(reader);
    if (this.#isHarvestPending) return;
    this.#isHarvestPending = true;
    this.#log.harvest();
  }

  #stop(reader: OpenReader): void {
    reader.isOn = false;
    this.#waiting.delete(reader);
    if (this.#open.every(({ isOn }) => !isOn)) this.#log.stop();
  }

  #collect(reader: OpenReader, collect: DirtyLog['collect']): number {
    this.#isHarvestPending = false;
    this.#waiting.clear();
    const others = this.#open.filter((other) => other !== reader && other.isOn);
    const earlyPages = reader.earlyPages;
    reader.earlyPages = 0;
    if (others.length === 0) return earlyPages + observed(reader, () => collect(reader.pages));
    const shared = (this.#sharedHarvest ??= this.#setAt(READER_SETS));
    collect(shared);
    for (const other of others) {
      other.earlyPages += observed(other, () => merge(shared, other.pages));
    }
    const fresh = observed(reader, () => merge(shared, reader.pages));
    shared.clear();
    return earlyPages + fresh;
  }

  #close(reader: OpenReader): void {
    if (reader.isOn) this.#stop(reader);
    const at = this.#open.indexOf(reader);
    if (at >= 0) this.#open.splice(at, 1);
  }
}

/** Adds marks to a reader's set and tells its observer, if it has one, which pages they are. */
function observed({ observer, pages }: OpenReader, add: () => number): number {
  if (!observer) return add();
  const before = pages.parts.map((part) => part.bits().slice());
  const fresh = add();
  for (const { layout } of pages.memory.slots) {
    observer(layout.firstGfn, before[layout.index]!, pages.parts[layout.index]!.bits());
  }
  return fresh;
}

/** Adds one set of a guest's pages to another; returns how many are new there. */
function merge(from: GuestPageSet, to: GuestPageSet): number {
  let total = 0;
  for (const { layout, kernels } of to.memory.slots) {
    const part = to.parts[layout.index]!;
    const fresh = kernels.merge(from.parts[layout.index]!.address, part.address, layout.mapBytes);
    part.grewBy(fresh);
    total += fresh;
  }
  return total;
}

function firstFree(taken: readonly number[]): number {
  let place = 0;
  while (taken.includes(place)) place++;
  return place;
}
