import { type Frame, type FrameMemory, WireError } from '../wire/frame.ts';

/** The connection is lost, and what was under way with it; another may come. */
export class ConnectionLost extends WireError {
  override readonly name = 'ConnectionLost';

  constructor() {
    super('the link is dead: the connection was lost');
  }
}

/** The other end has closed the link, or has died: none will come any more. */
export class PeerGone extends WireError {
  override readonly name = 'PeerGone';

  constructor() {
    super('the link is dead: its other end is gone');
  }
}

/**
 * What a frame is for. Pages obey the link's rate and the migration's own limit. Urgent pages (a vCPU
 * waits for them) are booked on the link but not held back: they take the next place in its line; the
 * limit does not count them, or a burst of them would stop the push for as long as they were over it.
 * Control frames obey the link's rate alone.
 */
export type FrameKind = 'pages' | 'urgent' | 'control';

/** How far a sender of pages may be ahead of the link and of its receiver. */
export interface Lookahead {
  readonly ns: number;
  readonly bytes: number;
}

/** Room in which the sender builds its next frame, at byte `at` of `memory`. */
export interface FrameRoom {
  readonly memory: FrameMemory;
  readonly at: number;
  readonly sequence: number;
}

/**
 * One end of a link, both directions. No call waits: who has no credit or no frame asks its driver
 * to be woken at `creditAtNs()` or `arrivalAtNs()`.
 */
export interface Link {
  /**
   * Room for a frame of at most `maxBytes`, undefined while the link can't take one: its rate's
   * share is used up, or the receiver is behind. Control frames pass the migration's own limit.
   * Throws ConnectionLost.
   */
  room(maxBytes: number, kind: FrameKind): FrameRoom | undefined;
  /**
   * Sends the frame that was built in the last room; it has `bytes` bytes on the link, of which only
   * `storedBytes` are there when versions stand for pages.
   */
  post(bytes: number, storedBytes?: number): void;
  /** When room may be there again, on the clock; Infinity: when the receiver has caught up. */
  creditAtNs(kind: FrameKind): number;
  /** The sender has nothing to send for now: time that passes is not made up for. */
  rest(): void;
  /** The migration's own limit in bytes a second, Infinity for none. */
  limit(bytesPerSecond: number): void;
  /** Keeps the line short that an urgent page would have to wait in. */
  lookahead(most: Lookahead): void;
  /** Bytes of all frames posted. */
  readonly postedBytes: number;
  /** When the last posted frame has left the link's sending side. */
  readonly drainedAtNs: number;
  /** When the last posted frame arrives at the other end, as this end's clock has it. */
  readonly postedArrivalNs: number;
  /** When the last polled frame arrived here, on this end's clock. */
  readonly polledArrivalNs: number;

  /** The next frame that has arrived, checked; valid until the next `poll` or `release`. Throws WireError. */
  poll(): Frame | undefined;
  /** Gives the last polled frame's room back. */
  release(): void;
  /**
   * When the next frame arrives, once the last polled one has been released; Infinity when none is
   * under way. A dead link has something to say at once: `poll` throws it.
   */
  arrivalAtNs(): number;

  /** After ConnectionLost: whether `reconnect` has something to do or to say. */
  canReconnect(): boolean;
  /** Goes over to the new connection: it is empty, and frames are numbered from 0. Throws PeerGone. */
  reconnect(): void;
}
