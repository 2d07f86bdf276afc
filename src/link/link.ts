import { type Frame, type FrameMemory, WireError } from '../wire/frame.ts';

/** The error of a lost connection. The frames in flight are lost too; a new connection may follow. */
export class ConnectionLost extends WireError {
  override readonly name = 'ConnectionLost';

  constructor() {
    super('the link is dead: the connection was lost');
  }
}

/** The error of a link whose other end has closed it or has died, so that no frame will follow. */
export class PeerGone extends WireError {
  override readonly name = 'PeerGone';

  constructor() {
    super('the link is dead: its other end is gone');
  }
}

/**
 * What a frame is for. `pages` obey the link's rate and the migration's own limit. `urgent` pages, for
 * which a vCPU waits, take up the link's time but are never held back: they leave right after the frames
 * that have been posted. The limit doesn't count them, since otherwise a burst of them would stop
 * the push until the limit had made up for it. `control` frames obey the link's rate alone.
 */
export type FrameKind = 'pages' | 'urgent' | 'control';

/** How far ahead of the link a sender may be by default, so that the link stays busy while its sender is being woken. */
export const HORIZON_NS = 1e6;

/** How far a sender of pages may be ahead. */
export interface Lookahead {
  /** How long the frames posted so far may keep the link busy. */
  readonly ns: number;
  /** How many bytes may be in flight or wait at the receiver; two frames or more, as what the ring skips counts too. */
  readonly bytes: number;
}

/** The room in which the sender builds its next frame, from byte `at` of `memory` on. */
export interface FrameRoom {
  readonly memory: FrameMemory;
  readonly at: number;
  readonly sequence: number;
}

/**
 * One end of a link, for both directions. No call waits: a caller that gets no room or no frame asks its
 * driver to be woken at `creditAtNs()` or `arrivalAtNs()`. All times are on this end's clock.
 */
export interface Link {
  /**
   * Returns room for a frame of at most `maxBytes`, or undefined while the link can't take one because
   * its rate is used up or the receiver is behind. Throws ConnectionLost.
   */
  room(maxBytes: number, kind: FrameKind): FrameRoom | undefined;
  /**
   * Sends the frame that was built in the last room. It counts as `bytes` bytes on the link; in memory it
   * has `storedBytes`, which are fewer if versions stand for its pages. `chargedBytes` of its bytes have been counted
   * by `charge` already.
   */
  post(bytes: number, storedBytes?: number, chargedBytes?: number): void;
  /**
   * Counts a part of a frame that leaves now, while its last part and the frame itself are still to come. So another
   * frame can leave between the parts of a long one.
   */
  charge(bytes: number): void;
  /** Returns when there may be room again; Infinity means that the receiver has to make room first. */
  creditAtNs(kind: FrameKind): number;
  /** Tells that there is nothing to send for now, so that the time until the next frame isn't made up for. */
  rest(): void;
  /** Sets the migration's own limit in bytes a second; Infinity means none. */
  limit(bytesPerSecond: number): void;
  /** Bounds what may be posted ahead of the link, since an urgent page has to wait behind that. */
  lookahead(most: Lookahead): void;
  /** The bytes of all frames posted so far. */
  readonly postedBytes: number;
  /** When the last byte of the last posted frame leaves this end. */
  readonly drainedAtNs: number;
  /** When the last posted frame arrives at the other end. */
  readonly postedArrivalNs: number;
  /** When the last polled frame arrived at this end. */
  readonly polledArrivalNs: number;

  /**
   * Returns the next frame that has arrived, or undefined if there is none. Its header has been checked.
   * It is valid until the next `poll` or `release`. Throws WireError.
   */
  poll(): Frame | undefined;
  /** Gives the room of the last polled frame back to the sender. */
  release(): void;
  /**
   * Returns when the next frame arrives, to be asked once the last polled one has been released;
   * Infinity means that none is in flight. On a dead link it returns 0, so that the caller polls and
   * `poll` throws.
   */
  arrivalAtNs(): number;

  /** Returns, after ConnectionLost, whether `reconnect` can be called: it connects or throws PeerGone. */
  canReconnect(): boolean;
  /** Makes this end use the new connection, which is empty; frames are numbered from 0. Throws PeerGone. */
  reconnect(): void;
}
