import { ForwardingLink } from '../../link/forwarding-link.ts';
import type { FrameKind, FrameRoom, Link } from '../../link/link.ts';
import { createRing, giveBackRing, RingProducer, type SharedRing } from '../../link/ring.ts';
import { type Frame, FRAME, type FrameMemory, HEADER_BYTES } from '../../wire/frame.ts';
import { MAX_FRAME_BYTES } from '../../wire/limits.ts';
import { deliver, type Delivery } from './delivery.ts';

/** A frame as it has arrived, and what is known of it. */
export interface Arrival {
  readonly bytes: Uint8Array;
  readonly type: number;
  /** The number of its connection, from 0. */
  readonly connection: number;
  /** How many frames have arrived over this connection before it. */
  readonly number: number;
  /** Whether RUN has arrived over this link, or has been posted to it, before this frame. */
  readonly isAfterRun: boolean;
}

/** Decides what is delivered in place of each frame that arrives. */
export interface Tamperer {
  /** Returns the frames that are delivered in place of one; none when it is dropped or kept for later. */
  tamper(arrival: Arrival): readonly Delivery[];
  /** Called with every frame that is delivered, once its header has passed the link's checks. */
  delivered?(frame: Frame, isAfterRun: boolean): void;
}

/** Where a frame lies in the memory from which it is delivered. */
const AT = 4096;
const TYPE_AT = 6;

/** Returns the type that the header of a frame names. */
export const typeOf = (bytes: Uint8Array): number => bytes[TYPE_AT]! | (bytes[TYPE_AT + 1]! << 8);

/**
 * One end of a link whose frames a tamperer drops, changes, repeats, reorders and adds to between the link and its
 * receiver. Whatever it delivers passes the same checks of the header as any frame does.
 */
export class TamperedLink extends ForwardingLink {
  readonly #tamperer: Tamperer;
  readonly #ring: SharedRing;
  readonly #memory: FrameMemory;
  #queue: Delivery[] = [];
  #connection = 0;
  #arrived = 0;
  #delivered = 0;
  #room: FrameRoom | undefined;
  hasSeenRun = false;

  constructor(inner: Link, tamperer: Tamperer) {
    super(inner);
    this.#tamperer = tamperer;
    this.#ring = createRing(2 ** Math.ceil(Math.log2(AT + MAX_FRAME_BYTES)), false);
    this.#memory = new RingProducer(this.#ring).memory;
  }

  /** Gives its memory back to the pool; it delivers nothing from then on. */
  close(): void {
    giveBackRing(this.#ring);
  }

  override poll(): Frame | undefined {
    while (this.#queue.length === 0) {
      const frame = this.inner.poll();
      if (!frame) return undefined;
      this.#queue.push(...this.#tamperer.tamper(this.#arrivalOf(frame)));
      if (frame.type === FRAME.run) this.hasSeenRun = true;
    }
    return this.#deliver(this.#queue.shift()!);
  }

  #arrivalOf(frame: Frame): Arrival {
    const { memory, controlAt, payloadEnd, type } = frame;
    return {
      bytes: memory.bytes.slice(controlAt - HEADER_BYTES, payloadEnd),
      type,
      connection: this.#connection,
      number: this.#arrived++,
      isAfterRun: this.hasSeenRun,
    };
  }

  #deliver(delivery: Delivery): Frame {
    const frame = deliver(this.#memory, AT, delivery, this.#delivered++);
    this.#tamperer.delivered?.(frame, this.hasSeenRun);
    return frame;
  }

  override arrivalAtNs(): number {
    return this.#queue.length > 0 ? 0 : this.inner.arrivalAtNs();
  }

  override reconnect(): void {
    this.inner.reconnect();
    this.#queue = [];
    this.#connection++;
    this.#arrived = 0;
    this.#delivered = 0;
  }

  override room(maxBytes: number, kind: FrameKind): FrameRoom | undefined {
    this.#room = this.inner.room(maxBytes, kind);
    return this.#room;
  }

  override post(bytes: number, storedBytes?: number): void {
    const { memory, at } = this.#room!;
    if (memory.view.getUint16(at + TYPE_AT, true) === FRAME.run) this.hasSeenRun = true;
    this.inner.post(bytes, storedBytes);
  }
}
