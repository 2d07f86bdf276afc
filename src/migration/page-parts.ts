import type { FrameRoom } from '../link/link.ts';
import type { GuestPageSet } from '../memory/guest-memory.ts';
import type { TakenRuns } from '../memory/page-set.ts';
import { ENCODING } from '../wire/encodings.ts';
import type { EncodedPages } from '../wire/encoder.ts';
import { encodePart, type PartOptions } from '../wire/parts.ts';
import { openTally, type PageTally } from '../wire/tally.ts';
import type { BatchSizes } from './batch-sizes.ts';
import type { PageRecorder } from './page-record/page-recorder.ts';
import type { Algorithm, Side, Wake } from './ports.ts';

/** What a page that travels in parts needs of the source's session. */
export interface PartSession {
  readonly side: Pick<Side, 'link' | 'clock'> & { readonly options: PartOptions };
  readonly sizes: BatchSizes;
  readonly unsent: GuestPageSet;
  readonly metrics: { readonly recorder?: Pick<PageRecorder, 'sentPage'> | undefined };
  readonly isHeldBack: boolean;
  awaitWindow(): Algorithm<void>;
  renew(): void;
  wait(request: { readonly credit: 'pages'; readonly frame: true }): Algorithm<Wake>;
  hearPeer(): void;
  posted(encoded: EncodedPages, share: PageTally): void;
  countSent(encoded: EncodedPages, fromNs: number, linkFromNs: number): void;
}

/**
 * A page that leaves part by part. Its mark was taken from the dirty log before its first part is read, so that a page
 * which a vCPU writes between its parts is sent again as a whole.
 */
export class PartedPage {
  /** The gfn of the guest. */
  readonly gfn: number;
  readonly #session: PartSession;
  readonly #taken: TakenRuns;
  readonly #page: number;
  #sentBytes = 0;
  /** Whether all parts so far were zeros. */
  #isZero = true;

  /** `taken` holds this page alone, in a list of its own. */
  constructor(session: PartSession, taken: TakenRuns) {
    if (taken.pages !== 1) throw new RangeError(`${taken.pages} pages can't leave as one`);
    this.#session = session;
    this.#taken = taken;
    this.#page = taken.list[0]!;
    this.gfn = taken.slot.layout.firstGfn + this.#page;
  }

  get leftBytes(): number {
    return this.#taken.slot.layout.pageSize - this.#sentBytes;
  }

  /**
   * Encodes its next part, of at most `mostBytes`, into the room and posts it. The page counts with its last part; the
   * limiter and the policy's accounting count each part.
   */
  post({ memory, at, sequence }: FrameRoom, mostBytes: number): EncodedPages {
    const session = this.#session;
    const { slot } = this.#taken;
    const bytes = Math.min(mostBytes, this.leftBytes);
    const part = { slot, page: this.#page, offset: this.#sentBytes, bytes };
    const { isRaw, ...lengths } = encodePart(part, memory, at, session.side.options, sequence);
    this.#sentBytes += bytes;
    this.#isZero &&= !isRaw;
    const [whole, share] = [openTally(), openTally()];
    const rawBytes = isRaw ? bytes : 0;
    whole.bytes[ENCODING.raw] = rawBytes;
    if (this.leftBytes === 0) {
      whole.pages[this.#isZero ? ENCODING.zero : ENCODING.raw] = 1;
      session.metrics.recorder?.sentPage(this.gfn, this.#isZero);
    }
    share.bytes[ENCODING.raw] = rawBytes;
    share.pages[isRaw ? ENCODING.raw : ENCODING.zero] = bytes / slot.layout.pageSize;
    const encoded = { ...lengths, tally: whole };
    session.posted(encoded, share);
    return encoded;
  }
}

/**
 * Sends a page part by part, the first one in `room`. The limiter may make it wait between parts, as in QEMU
 * (ram_save_host_page calls migration_rate_limit after each target page). A page of which a part could not be sent
 * becomes unsent again.
 */
export function* sendInParts(
  session: PartSession,
  taken: TakenRuns,
  first: FrameRoom,
): Algorithm<void> {
  const { link, clock } = session.side;
  const page = new PartedPage(session, taken);
  let room: FrameRoom | undefined = first;
  try {
    for (;;) {
      if (room) {
        const fromNs = clock.now();
        const linkFromNs = Math.max(fromNs, link.drainedAtNs);
        session.countSent(page.post(room, session.sizes.mostPartBytes), fromNs, linkFromNs);
      }
      if (page.leftBytes === 0) return;
      while (session.isHeldBack) {
        yield* session.awaitWindow();
        session.renew();
      }
      if ((yield* session.wait({ credit: 'pages', frame: true })) === 'frame') session.hearPeer();
      room = link.room(session.sizes.frameBytes(1), 'pages');
    }
  } finally {
    if (page.leftBytes > 0) session.unsent.addRun(page.gfn, 1);
  }
}
