import type { FrameKind } from '../link/link.ts';
import type { TakenRuns } from '../memory/page-set.ts';
import { PartedPage } from './page-parts.ts';
import { wireBytes } from './send-buffer.ts';
import type { SourceSession } from './source-session.ts';

/** A page that is leaving part by part; its frame is posted with the last part. */
interface Leaving {
  readonly taken: TakenRuns;
  readonly bytes: number;
  chargedBytes: number;
  /** A page each of whose parts has a frame of its own; absent if the whole page fits into one. */
  readonly parted?: PartedPage;
}

/** Where the next pages of each channel come from; undefined means that there are none. */
export interface ChannelSources {
  readonly urgent: () => TakenRuns | undefined;
  readonly push: () => TakenRuns | undefined;
}

export interface SharedChannelsOptions {
  /** Whether both are one channel, which a page leaves as a whole before the next one begins. */
  readonly isOne: boolean;
  /** Whether a requested page may begin to leave between the parts of one that is being pushed. */
  readonly breaksHuge: boolean;
  readonly partBytes: number;
}

/**
 * The two channels of a post-copy with preemption, over one link whose bandwidth they share: pages that take longer
 * than a part leave part by part, and the channels take turns. QEMU's channels are two TCP connections, which share a
 * link in the same way.
 */
export class SharedChannels {
  readonly #session: SourceSession;
  readonly #options: SharedChannelsOptions;
  #urgent: Leaving | undefined;
  #push: Leaving | undefined;
  #isUrgentsTurn = true;

  constructor(session: SourceSession, options: SharedChannelsOptions) {
    this.#session = session;
    this.#options = options;
  }

  /** The number of pages that are leaving and whose frames have not been posted. */
  get pages(): number {
    return (this.#urgent?.taken.pages ?? 0) + (this.#push?.taken.pages ?? 0);
  }

  /** Whether a requested page is leaving. */
  get hasUrgent(): boolean {
    return this.#urgent !== undefined;
  }

  /** Whether a requested page is leaving that no limiter holds back, as it has a channel of its own. */
  get hasFreeUrgent(): boolean {
    return this.hasUrgent && !this.#options.isOne;
  }

  /** The bytes that have yet to leave of a pushed page that travels in parts. */
  get partedBytes(): number {
    return this.#push?.parted?.leftBytes ?? 0;
  }

  /** Whether the page leaves in parts, some of which have gone. */
  isLeaving(gfn: number): boolean {
    return this.#push?.parted?.gfn === gfn || this.#urgent?.parted?.gfn === gfn;
  }

  /** Whether a requested page could begin to leave now. */
  get takesUrgent(): boolean {
    return this.#options.breaksHuge || this.#push === undefined;
  }

  /** Forgets what was leaving over a lost connection. */
  clear(): void {
    // A page that has left only in part has not been sent, so that it can't be sent again.
    for (const leaving of [this.#urgent, this.#push]) {
      if (leaving?.parted) this.#session.unsent.addRun(leaving.parted.gfn, 1);
    }
    this.#urgent = undefined;
    this.#push = undefined;
  }

  /** Sends parts of pages until the link takes no more. */
  send(sources: ChannelSources): void {
    while (this.#step(sources));
  }

  #step(sources: ChannelSources): boolean {
    const { isOne } = this.#options;
    // The limiter may hold a page back between its parts. A page that leaves as a whole counts at its end.
    const isHeld = this.#session.sizes.inParts && this.#session.isHeldBack;
    const isUrgentHeld = isOne && isHeld;
    if (!this.#urgent && this.takesUrgent && !isUrgentHeld) {
      this.#urgent = this.#begin(sources.urgent());
    }
    const mayPush = this.#isReady('pages') && !isHeld && !(isOne && this.#urgent);
    if (!this.#push && mayPush) this.#push = this.#begin(sources.push());
    const pushes = mayPush && this.#push !== undefined && !this.#isLeavingTwice();
    const mayUrgent = this.#urgent !== undefined && !isUrgentHeld && this.#isReady('control');
    const takesUrgent = mayUrgent && (!pushes || this.#isUrgentsTurn);
    if (takesUrgent) {
      if (!this.#sendPart(this.#urgent!, 'urgent')) return false;
      this.#isUrgentsTurn = false;
      if (isGone(this.#urgent!)) this.#urgent = undefined;
      return true;
    }
    if (!pushes || !this.#sendPart(this.#push!, 'pages')) return false;
    this.#isUrgentsTurn = true;
    if (isGone(this.#push!)) this.#push = undefined;
    return true;
  }

  /** Whether both channels have the same page, whose parts have to come in order; the pushed copy waits. */
  #isLeavingTwice(): boolean {
    const { parted } = this.#urgent ?? {};
    return parted !== undefined && parted.gfn === this.#push?.parted?.gfn;
  }

  #begin(taken: TakenRuns | undefined): Leaving | undefined {
    if (!taken || taken.pages === 0) return undefined;
    const { options, guest } = this.#session.side;
    if (this.#session.sizes.inParts) {
      const parted = new PartedPage(this.#session, taken);
      return { taken, bytes: parted.leftBytes, chargedBytes: 0, parted };
    }
    const bytes = wireBytes(taken, guest.memory.pageSize, options.encodings.includes('zero'));
    return { taken, bytes, chargedBytes: 0 };
  }

  #isReady(kind: FrameKind): boolean {
    const { link, clock } = this.#session.side;
    return link.creditAtNs(kind) <= clock.now();
  }

  /** Sends the next part, with the last one the frame; returns false when the link has no room for that. */
  #sendPart(leaving: Leaving, kind: 'urgent' | 'pages'): boolean {
    const session = this.#session;
    const { link } = session.side;
    const { partBytes } = this.#options;
    if (leaving.parted) return this.#postPart(leaving, leaving.parted, kind);
    if (leaving.bytes - leaving.chargedBytes > partBytes) {
      link.charge(partBytes);
      leaving.chargedBytes += partBytes;
      return true;
    }
    const room = link.room(session.sizes.frameBytes(leaving.taken.pages), kind);
    if (!room) return false;
    session.metrics.pushed(session.post(leaving.taken, room, leaving.chargedBytes));
    leaving.chargedBytes = leaving.bytes;
    return true;
  }

  /** Posts the frame of the next part; returns false when the link has no room for it. */
  #postPart(leaving: Leaving, parted: PartedPage, kind: 'urgent' | 'pages'): boolean {
    const { side, sizes, metrics } = this.#session;
    const room = side.link.room(sizes.frameBytes(1), kind);
    if (!room) return false;
    metrics.pushed(parted.post(room, sizes.partBytes(this.#options.partBytes)));
    leaving.chargedBytes = leaving.bytes - parted.leftBytes;
    return true;
  }
}

const isGone = ({ bytes, chargedBytes }: Leaving): boolean => chargedBytes >= bytes;
