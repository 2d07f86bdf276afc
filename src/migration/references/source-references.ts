import type { FrameRoom } from '../../link/link.ts';
import type { TakenRuns } from '../../memory/page-set.ts';
import type { ControlBody } from '../../wire/control.ts';
import { ENCODING } from '../../wire/encodings.ts';
import type { EncodedPages, Encoder } from '../../wire/encoder.ts';
import { MAX_REFERENCES } from '../../wire/limits.ts';
import { eachSentSum } from '../../wire/pages.ts';
import {
  encodeReferences,
  type Reference,
  referenceFrameBytes,
  REFERENCE_WORDS,
} from '../../wire/references.ts';
import { openTally, type PageTally } from '../../wire/tally.ts';
import type { GuestPageSet } from '../../memory/guest-memory.ts';
import { MigrationEnded } from '../migration-ended.ts';
import type { PageRecorder } from '../page-record/page-recorder.ts';
import type { BatchSizes } from '../batch-sizes.ts';
import type { Algorithm, Side, SourceGuest, Wake } from '../ports.ts';
import type { SourceOptions } from '../source-options.ts';
import { MOST_TABLE_BYTES, SentPages } from './sent-pages.ts';

/** What references need of the source's session. */
export interface ReferringSession {
  readonly side: Pick<Side, 'link' | 'clock'> & {
    readonly options: Pick<SourceOptions, 'encodings' | 'linkLatencyNs'>;
    readonly guest: Pick<SourceGuest, 'memory' | 'host'>;
  };
  readonly sizes: BatchSizes;
  readonly unsent: GuestPageSet;
  readonly encoder: Pick<Encoder, 'xbzrle'>;
  readonly phase: string;
  readonly isLogging: boolean;
  readonly isPostcopy: boolean;
  readonly metrics: {
    pushed(encoded: EncodedPages): void;
    readonly recorder?: Pick<PageRecorder, 'sentPage'> | undefined;
  };
  wait(
    request: { readonly credit?: 'pages'; readonly frame: true },
    atNs?: number,
  ): Algorithm<Wake>;
  hearPeer(): void;
  posted(encoded: EncodedPages, share: PageTally): void;
  countSent(encoded: EncodedPages, fromNs: number, linkFromNs: number): void;
}

/** What a migration has sent as references. */
export interface ReferenceCounts {
  /** The pages that went as references, each as often as it did, and the bytes of these frames. */
  readonly pages: number;
  readonly bytes: number;
  /** How many of them did not hold, so that the page itself was sent. */
  readonly missedPages: number;
}

/** Opens the references of a migration, if its encodings have them and its pages travel whole. */
export function openReferences(
  session: ReferringSession,
  sent: SentPages | undefined,
): SourceReferences | undefined {
  const { options, guest } = session.side;
  if (!options.encodings.includes('reference') || session.sizes.inParts) return undefined;
  const { pageSize, pages } = guest.memory;
  return new SourceReferences(session, sent ?? new SentPages(pageSize, MOST_TABLE_BYTES, pages));
}

/** How many references wait for each other before a frame of them is sent while the guest runs at the source. */
const FRAME_REFERENCES = 256;
/** Adds a page to the end of a list of runs, which are pairs of (first page, number of pages). */
function addTo(runs: number[], page: number): void {
  const end = (runs.at(-2) ?? 0) + (runs.at(-1) ?? 0);
  if (runs.length > 0 && end === page) runs.push(runs.pop()! + 1);
  else runs.push(page, 1);
}

/** How long after a page's arrival it is taken to be in its place. */
const INSTALL_NS = 100e3;

/** A reference that waits to be sent, until the page that it names has arrived. */
interface WaitingReference extends Reference {
  readonly readyNs: number;
}

/**
 * Sends a page as a reference if an equal one has been sent before, of this guest or of one that moved to the same host
 * (Deshpande et al., "Live gang migration of virtual machines", HPDC 2011). References wait until a frame of them is
 * worth its header, and until the pages that they name have arrived. The destination answers each frame with
 * the pages whose references did not hold; these are unsent again, and never again sent as references.
 *
 * A frame of references is older than any later frame with the same page, because a page becomes unsent again only by
 * a harvest, and before a harvest all references are sent. None is outstanding when the guest is stopped, or when the
 * last of its pages has been sent while it stood still.
 */
export class SourceReferences {
  /** The guest's number in references. */
  readonly guest: number;
  readonly #session: ReferringSession;
  readonly #sent: SentPages;
  readonly #seeksZeros: boolean;
  #waiting: WaitingReference[] = [];
  /** The frames that have not been answered, the oldest first. */
  readonly #outstanding: (readonly Reference[])[] = [];
  /** The pages whose references did not hold. */
  readonly #plain = new Set<number>();
  readonly counts: { -readonly [Key in keyof ReferenceCounts]: number } = {
    pages: 0,
    bytes: 0,
    missedPages: 0,
  };

  constructor(session: ReferringSession, sent: SentPages) {
    this.#session = session;
    this.#sent = sent;
    this.guest = sent.join();
    this.#seeksZeros = session.side.options.encodings.includes('zero');
  }

  /** Whether a page has been sent as a reference, or is to be, and the destination has not said that it has it. */
  get isOpen(): boolean {
    return this.#waiting.length > 0 || this.#outstanding.length > 0;
  }

  /** Whether references wait to be sent. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Keeps those of the pages that go as references, and returns the others, which are to be sent now. */
  select(taken: TakenRuns): TakenRuns {
    const { phase, isLogging } = this.#session;
    // The last set of a pre-copy was written a moment ago, and an answer would cost downtime.
    if (taken.pages === 0 || (phase === 'stopped' && isLogging)) return taken;
    const { copies } = this.#sent;
    const { firstGfn } = taken.slot.layout;
    // What an overcommitted host has swapped out is not in memory, where it is about to be read.
    this.#session.side.guest.host?.fetch(taken);
    const rest: number[] = [];
    let pages = 0;
    for (let run = 0; run < taken.runs; run++) {
      const first = taken.list[2 * run]!;
      const count = taken.list[2 * run + 1]!;
      copies.take(taken.slot, first, count);
      for (let copy = 0; copy < count; copy++) {
        if (this.#refer(firstGfn + first + copy, copy)) continue;
        pages++;
        addTo(rest, first + copy);
      }
    }
    if (pages === taken.pages) return taken;
    return { ...taken, list: Uint32Array.from(rest), runs: rest.length / 2, pages };
  }

  /** Whether a page, of which there is a copy, is kept to go as a reference. */
  #refer(gfn: number, copy: number): boolean {
    const { table, copies } = this.#sent;
    if (this.#plain.has(gfn) || (this.#seeksZeros && copies.isZero(copy))) return false;
    const [low, high] = [copies.lowOf(copy), copies.highOf(copy)];
    const entry = table.find(low, high);
    if (entry < 0) return false;
    const [guest, there] = [table.guestOf(entry), table.gfnOf(entry)];
    // Frames of one guest arrive in their order.
    const readyNs = guest === this.guest ? 0 : this.#sent.arrivalsNs[guest]! + INSTALL_NS;
    // The destination will have other bytes than those that were sent last.
    this.#session.encoder.xbzrle?.forget(gfn, 1);
    this.#waiting.push({ gfn, guest, there, low, high, crc: copies.crcOf(copy), readyNs });
    return true;
  }

  /** Notes the pages of a page frame that has been posted, by the sums of what is in the frame. */
  noteSent({ memory, at }: FrameRoom, taken: TakenRuns): void {
    const { firstGfn, storedBytes } = taken.slot.layout;
    eachSentSum(memory, at, storedBytes, (page, low, high) =>
      this.#sent.table.note(low, high, this.guest, firstGfn + page),
    );
    this.#sent.arrivalsNs[this.guest] = this.#session.side.link.postedArrivalNs;
  }

  /** Sends references after a batch: all of them if no page is left to be sent, else as many as fill a frame. */
  *afterBatch(): Algorithm<void> {
    const isLast = this.#session.unsent.count === 0;
    if (isLast) yield* this.flush();
    else if (this.#waiting.length >= FRAME_REFERENCES) this.#post(this.#countReady());
    if (isLast && this.#session.phase === 'stopped') yield* this.settle();
  }

  /** Sends all references that wait, as soon as the pages that they name have arrived. */
  *flush(): Algorithm<void> {
    while (this.#waiting.length > 0) {
      if (this.#post(this.#countReady())) continue;
      const untilNs = this.#waiting[0]!.readyNs - this.#aheadNs();
      const isReady = untilNs <= this.#session.side.clock.now();
      const wake = isReady
        ? yield* this.#session.wait({ credit: 'pages', frame: true })
        : yield* this.#session.wait({ frame: true }, untilNs);
      if (wake === 'frame') this.#session.hearPeer();
    }
  }

  /** Sends all references, and waits until each has been answered; those that did not hold are unsent then. */
  *settle(): Algorithm<void> {
    yield* this.flush();
    while (this.#outstanding.length > 0) {
      if ((yield* this.#session.wait({ frame: true })) === 'frame') this.#session.hearPeer();
    }
  }

  /** Sends a frame of the references that wait, if there are any and the link has room for it now. */
  post(): void {
    this.#post(Math.min(this.#waiting.length, MAX_REFERENCES));
  }

  /** Returns how long after now a frame would arrive at the earliest. */
  #aheadNs(): number {
    const { link, clock, options } = this.#session.side;
    return Math.max(0, link.drainedAtNs - clock.now()) + options.linkLatencyNs;
  }

  /** Returns how many references can be sent now without arriving before the pages that they name. */
  #countReady(): number {
    const arrivalNs = this.#session.side.clock.now() + this.#aheadNs();
    const most = Math.min(this.#waiting.length, MAX_REFERENCES);
    let count = 0;
    while (count < most && this.#waiting[count]!.readyNs <= arrivalNs) count++;
    return count;
  }

  /** Sends so many references in a frame; returns false if there are none, or the link has no room for it now. */
  #post(count: number): boolean {
    const { link, clock } = this.#session.side;
    const room = count > 0 ? link.room(referenceFrameBytes(count), 'pages') : undefined;
    if (!room) return false;
    const [fromNs, linkFromNs] = [clock.now(), Math.max(clock.now(), link.drainedAtNs)];
    const references = this.#waiting.splice(0, count);
    const length = encodeReferences(room.memory, room.at, references, room.sequence);
    const tally = openTally();
    tally.pages[ENCODING.reference] = count;
    tally.bytes[ENCODING.reference] = 4 * REFERENCE_WORDS * count;
    const encoded = { length, storedLength: length, tally };
    for (const { gfn } of references) this.#session.metrics.recorder?.sentPage(gfn, false);
    this.#session.posted(encoded, tally);
    this.#outstanding.push(references);
    this.counts.pages += count;
    this.counts.bytes += length;
    if (this.#session.isPostcopy) this.#session.metrics.pushed(encoded);
    else this.#session.countSent(encoded, fromNs, linkFromNs);
    return true;
  }

  /** Takes the answer to the oldest frame; returns the pages that have to be sent, which are unsent now. */
  hear({ gfns }: ControlBody<'miss'>): readonly number[] {
    const references = this.#outstanding.shift();
    let next = 0;
    for (const { gfn, guest, there, low, high } of references ?? []) {
      if (gfn !== gfns[next]) continue;
      next++;
      this.#sent.table.forget(low, high, guest, there);
      this.#plain.add(gfn);
      this.#session.unsent.addRun(gfn, 1);
    }
    if (!references || next < gfns.length) {
      throw new MigrationEnded(
        'failed',
        'the destination answered references that it was not sent',
      );
    }
    this.counts.missedPages += next;
    return gfns;
  }

  /** Makes the pages unsent again whose references have not been answered, because the connection is lost or over. */
  giveBack(): void {
    for (const references of [...this.#outstanding, this.#waiting]) {
      for (const { gfn } of references) this.#session.unsent.addRun(gfn, 1);
    }
    this.#outstanding.length = 0;
    this.#waiting = [];
  }
}
