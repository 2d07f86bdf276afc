import { type GuestMemory, GuestPageSet } from '../guest-memory.ts';
import { READER_SETS, readerSetAt } from '../layout.ts';
import type { DirtyLog, DirtyLogKind, DirtyLogParts, RingCounts } from './dirty-log.ts';
import type { LogReader, ManualClear } from './log-reader.ts';
import { manualClear } from './manual-clear.ts';
import { openDirtyLog } from './open.ts';

/** A reader that is open, as the others' harvests see it. */
interface OpenReader {
  readonly place: number;
  readonly pages: GuestPageSet;
  isOn: boolean;
  /** Pages that came into its set with harvests of other readers, and that it has not been told of. */
  earlyPages: number;
}

/**
 * A guest's dirty log for several readers at a time. The log itself is on while any reader wants it.
 * A harvest takes marks out of the log once and for all, so whoever harvests hands them to every
 * other reader that is on. A page that comes into a set before its reader asks is safe there: its
 * mark was taken before the page is read. With one reader every call goes straight to the log.
 */
export class LogReaders {
  readonly #memory: GuestMemory;
  readonly #log: DirtyLog;
  readonly #clearing:
    { readonly log: ReturnType<typeof manualClear>; readonly chunkPages: number } | undefined;
  readonly #open: OpenReader[] = [];
  #harvested: GuestPageSet | undefined;
  /** A harvest has been asked for that nobody has collected. */
  #isAsked = false;

  /** `clearChunkPages`: marks are cleared by hand, in chunks of so many pages. */
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
   * Opens a reader with an empty set. Throws when every place is taken, and for a second reader of a
   * log that is cleared by hand: what one clears no other would ever see.
   */
  open(): LogReader {
    if (this.#clearing && this.#open.length > 0) {
      throw new Error('a dirty log that is cleared by hand has one reader');
    }
    const place = firstFree(this.#open.map((reader) => reader.place));
    if (place >= READER_SETS) throw new Error(`a dirty log has at most ${READER_SETS} readers`);
    const pages = this.#setAt(place);
    pages.clear();
    const reader: OpenReader = { place, pages, isOn: false, earlyPages: 0 };
    this.#open.push(reader);
    const log = this.#log;
    const manual = this.#manualOf(reader);
    return {
      kind: log.kind,
      pages,
      ...(manual ? { manualClear: manual } : {}),
      start: () => this.#start(reader),
      harvest: () => this.#harvest(),
      stop: () => this.#stop(reader),
      isSettled: log.isSettled,
      collect: () => this.#collect(reader, log.collect),
      collectLast: () => this.#collect(reader, log.collectLast),
      liveMaps: log.liveMaps,
      tend: log.tend,
      ringCounts: log.ringCounts,
      close: () => this.#close(reader),
    };
  }

  /** What the rings of a log `ring` have seen, by vCPU; empty for the others. */
  ringCounts(): readonly RingCounts[] {
    return this.#log.ringCounts();
  }

  /** Makes room where a writer waits for some, whether anybody reads the log or not. */
  tend(): void {
    this.#log.tend();
  }

  #setAt(place: number): GuestPageSet {
    return new GuestPageSet(this.#memory, ({ layout }) => readerSetAt(layout, place));
  }

  #manualOf({ pages }: OpenReader): ManualClear | undefined {
    if (!this.#clearing) return undefined;
    const { log, chunkPages } = this.#clearing;
    return { chunkPages, clear: log.clear, cleared: () => log.cleared(pages) };
  }

  #start(reader: OpenReader): void {
    const isFirst = this.#open.every(({ isOn }) => !isOn);
    reader.isOn = true;
    // One that joins others may be told of pages that were marked before, but for no harvest of theirs.
    if (!isFirst) return;
    this.#isAsked = false;
    this.#log.start();
  }

  /** A harvest that another reader has asked for and not yet collected serves both. */
  #harvest(): void {
    if (this.#isAsked) return;
    this.#isAsked = true;
    this.#log.harvest();
  }

  #stop(reader: OpenReader): void {
    reader.isOn = false;
    if (this.#open.every(({ isOn }) => !isOn)) this.#log.stop();
  }

  #collect(reader: OpenReader, collect: DirtyLog['collect']): number {
    this.#isAsked = false;
    const others = this.#open.filter((other) => other !== reader && other.isOn);
    const earlyPages = reader.earlyPages;
    reader.earlyPages = 0;
    if (others.length === 0) return earlyPages + collect(reader.pages);
    const harvested = (this.#harvested ??= this.#setAt(READER_SETS));
    collect(harvested);
    for (const other of others) other.earlyPages += merge(harvested, other.pages);
    const fresh = merge(harvested, reader.pages);
    harvested.clear();
    return earlyPages + fresh;
  }

  #close(reader: OpenReader): void {
    if (reader.isOn) this.#stop(reader);
    const at = this.#open.indexOf(reader);
    if (at >= 0) this.#open.splice(at, 1);
  }
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
