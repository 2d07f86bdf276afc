import { ForwardingLink } from '../../link/forwarding-link.ts';
import type { FrameKind, FrameRoom, Link } from '../../link/link.ts';
import { createRing, giveBackRing, RingProducer, type SharedRing } from '../../link/ring.ts';
import { type Frame, FRAME, type FrameMemory, HEADER_BYTES, openFrame } from '../../wire/frame.ts';
import { crc32c } from '../../wire/crc32c.ts';
import { MAX_FRAME_BYTES } from '../../wire/limits.ts';

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

/** A frame as it is delivered in place of one that has arrived. */
export interface Delivery {
  readonly bytes: Uint8Array;
  /** Whether its header gets the number that is due and a CRC that fits; otherwise it is delivered as it is. */
  readonly isSealed: boolean;
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
const SEQUENCE_AT = 12;
const CONTROL_LENGTH_AT = 16;
const CRC_AT = 28;

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

  #deliver({ bytes, isSealed }: Delivery): Frame {
    const { view } = this.#memory;
    this.#memory.bytes.set(bytes, AT);
    if (isSealed && bytes.length >= HEADER_BYTES) {
      view.setUint32(AT + SEQUENCE_AT, this.#delivered, true);
      // A length that is too long does not get past the checks, whatever the CRC says.
      const control = Math.min(
        view.getUint32(AT + CONTROL_LENGTH_AT, true),
        bytes.length - HEADER_BYTES,
      );
      const from = AT + HEADER_BYTES;
      const crc = crc32c(this.#memory.bytes, AT, AT + CRC_AT);
      view.setUint32(AT + CRC_AT, crc32c(this.#memory.bytes, from, from + control, crc), true);
    }
    const frame = openFrame(this.#memory, AT, bytes.length, this.#delivered++);
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
