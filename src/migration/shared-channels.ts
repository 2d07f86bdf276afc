import type { FrameKind } from '../link/link.ts';
import type { TakenRuns } from '../memory/page-set.ts';
import { wireBytes } from './send-buffer.ts';
import type { SourceSession } from './source-session.ts';

/** A page that is leaving part by part; its frame is posted with the last part. */
interface Leaving {
  readonly taken: TakenRuns;
  readonly bytes: number;
  chargedBytes: number;
}

/** Where the next pages of each channel come from; undefined means that there are none. */
export interface ChannelSources {
  readonly urgent: () => TakenRuns | undefined;
  readonly push: () => TakenRuns | undefined;
}

export interface SharedChannelsOptions {
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

  /** Whether a requested page could begin to leave now. */
  get takesUrgent(): boolean {
    return this.#options.breaksHuge || this.#push === undefined;
  }

  /** Forgets what was leaving over a lost connection. */
  clear(): void {
    this.#urgent = undefined;
    this.#push = undefined;
  }

  /** Sends parts of pages until the link takes no more. */
  send(sources: ChannelSources): void {
    while (this.#step(sources));
  }

  #step(sources: ChannelSources): boolean {
    if (!this.#urgent && this.takesUrgent) this.#urgent = this.#begin(sources.urgent());
    const mayPush = this.#isReady('pages');
    if (!this.#push && mayPush) this.#push = this.#begin(sources.push());
    const mayUrgent = this.#urgent !== undefined && this.#isReady('control');
    const mayBoth = mayUrgent && mayPush && this.#push !== undefined;
    const takesUrgent = mayBoth ? this.#isUrgentsTurn : mayUrgent;
    if (takesUrgent) {
      if (!this.#sendPart(this.#urgent!, 'urgent')) return false;
      this.#isUrgentsTurn = false;
      if (isGone(this.#urgent!)) this.#urgent = undefined;
      return true;
    }
    if (!mayPush || !this.#push || !this.#sendPart(this.#push, 'pages')) return false;
    this.#isUrgentsTurn = true;
    if (isGone(this.#push)) this.#push = undefined;
    return true;
  }

  #begin(taken: TakenRuns | undefined): Leaving | undefined {
    if (!taken || taken.pages === 0) return undefined;
    const { options, guest } = this.#session.side;
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
    if (leaving.bytes - leaving.chargedBytes > partBytes) {
      link.charge(partBytes);
      leaving.chargedBytes += partBytes;
      return true;
    }
    const room = link.room(session.frameBytes(leaving.taken.pages), kind);
    if (!room) return false;
    session.metrics.pushed(session.post(leaving.taken, room, leaving.chargedBytes));
    leaving.chargedBytes = leaving.bytes;
    return true;
  }
}

const isGone = ({ bytes, chargedBytes }: Leaving): boolean => chargedBytes >= bytes;
