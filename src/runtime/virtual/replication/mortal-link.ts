import { ForwardingLink } from '../../../link/forwarding-link.ts';
import type { Link } from '../../../link/link.ts';
import type { Frame } from '../../../wire/frame.ts';

/** When a frame left its sender and when it arrives. */
export interface FrameTimes {
  readonly leftNs: number;
  readonly arrivesNs: number;
}

/** One direction of a link whose sender may die and which may be cut. Both happen in silence. */
export class Direction {
  readonly frames: FrameTimes[] = [];
  senderDiedNs = Infinity;
  cutNs = Infinity;

  /** Whether the next frame never arrives; none after it does either. */
  get isLost(): boolean {
    const next = this.frames[0];
    return next !== undefined && (next.leftNs > this.senderDiedNs || next.arrivesNs > this.cutNs);
  }
}

/**
 * One end of a link over hosts that die. A half computes ahead of the world's clock, so it may have posted frames by the
 * time that its host dies; those that had not left by then are lost.
 */
export class MortalLink extends ForwardingLink {
  readonly #outgoing: Direction;
  readonly #incoming: Direction;

  constructor(inner: Link, outgoing: Direction, incoming: Direction) {
    super(inner);
    this.#outgoing = outgoing;
    this.#incoming = incoming;
  }

  override post(bytes: number, storedBytes?: number, chargedBytes?: number): void {
    super.post(bytes, storedBytes, chargedBytes);
    this.#outgoing.frames.push({ leftNs: this.drainedAtNs, arrivesNs: this.postedArrivalNs });
  }

  override poll(): Frame | undefined {
    if (this.#incoming.isLost) {
      this.inner.release();
      return undefined;
    }
    const frame = super.poll();
    if (frame) this.#incoming.frames.shift();
    return frame;
  }

  override arrivalAtNs(): number {
    return this.#incoming.isLost ? Infinity : super.arrivalAtNs();
  }
}
