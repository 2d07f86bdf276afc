import type { Clock } from '../../clock/clock.ts';
import { RingConsumer, RingProducer, type SharedRing } from '../../link/ring.ts';
import type { Doorbell } from '../../memory/doorbell.ts';
import { encodeControl, packControl } from '../../wire/control.ts';
import { HEADER_BYTES } from '../../wire/frame.ts';
import { ProtocolError } from './messages.ts';

/** Where the frames of a connection go, and what is told besides. */
export interface FrameOutlet {
  /** Writes bytes; `done` is called once they may be overwritten. */
  write(bytes: Uint8Array, done: () => void): void;
  /** Called before the first frame leaves, with the time at which it arrives by the sender's reckoning. */
  begin(arrivalNs: number): void;
  /** Called when the last frame has left. */
  end(): void;
}

/**
 * Moves frames from an engine's ring to a connection. One frame is at the system at a time, straight out of the ring,
 * whose room goes back to the engine when the system has it. No more than `windowBytes` are under way: frames that
 * have left but that the other process has not taken out of its own ring.
 */
export class FrameSender {
  readonly #ring: RingConsumer;
  readonly #engine: Doorbell;
  readonly #outlet: FrameOutlet;
  readonly #windowBytes: number;
  #sentBytes = 0;
  #creditedBytes = 0;
  #isBusy = false;
  #isStopped = false;
  #isToEnd = false;
  #hasEnded = false;
  #hasBegun = false;

  constructor(ring: SharedRing, engine: Doorbell, windowBytes: number, outlet: FrameOutlet) {
    this.#ring = new RingConsumer(ring);
    this.#engine = engine;
    this.#outlet = outlet;
    this.#windowBytes = windowBytes;
  }

  /** Takes note of how many bytes the other process has taken. Throws ProtocolError for more than were sent, or fewer. */
  credit(bytes: number): void {
    if (bytes > this.#sentBytes || bytes < this.#creditedBytes) {
      throw new ProtocolError(`it says that it has taken ${bytes} bytes of ${this.#sentBytes}`);
    }
    this.#creditedBytes = bytes;
    this.pump();
  }

  /** Sends what is in the ring, as far as that may be. */
  pump(): void {
    if (this.#isBusy || this.#isStopped || this.#hasEnded) return;
    const record = this.#ring.peek();
    if (!record) {
      if (this.#isToEnd) this.#finish();
      return;
    }
    const underWay = this.#sentBytes - this.#creditedBytes;
    if (underWay > 0 && underWay + record.bytes > this.#windowBytes) return;
    if (!this.#hasBegun) this.#outlet.begin(record.arrivalNs);
    this.#hasBegun = true;
    this.#isBusy = true;
    this.#sentBytes += record.bytes;
    const { at, bytes, room } = record;
    this.#outlet.write(this.#ring.memory.bytes.subarray(at, at + bytes), () => {
      this.#isBusy = false;
      // The ring may have been emptied since.
      if (this.#isStopped) return;
      if (this.#ring.release(room)) this.#engine.ring();
      this.pump();
    });
  }

  /** Ends once the ring is empty, as its engine will post no more. */
  end(): void {
    this.#isToEnd = true;
    this.pump();
  }

  /** Sends nothing any more, as the connection is lost. */
  stop(): void {
    this.#isStopped = true;
  }

  #finish(): void {
    this.#hasEnded = true;
    this.#outlet.end();
  }
}

/** Moves frames from a connection to an engine's ring, and says how many the engine has taken out of it. */
export class FrameTaker {
  readonly #ring: RingProducer;
  readonly #engine: Doorbell;
  readonly #clock: Clock;
  readonly #creditBytes: number;
  readonly #tell: (bytes: number) => void;
  #at = 0;
  #takenBytes = 0;
  #frames = 0;
  #creditedBytes = 0;
  #firstArrivalNs: number | undefined;

  /** `tell` is called when the engine has taken frames out of the ring, in steps of a quarter of the window. */
  constructor(
    ring: SharedRing,
    engine: Doorbell,
    clock: Clock,
    windowBytes: number,
    tell: (bytes: number) => void,
  ) {
    this.#ring = new RingProducer(ring);
    this.#engine = engine;
    this.#clock = clock;
    this.#creditBytes = Math.floor(windowBytes / 4);
    this.#tell = tell;
  }

  /** Sets the time at which the first frame arrives, as both processes reckon from it. */
  anchor(arrivalNs: number): void {
    this.#firstArrivalNs = arrivalNs;
  }

  /** Returns room in the ring for a frame, or undefined while there is none; the engine rings when there is some. */
  room(length: number): Uint8Array | undefined {
    this.#at = this.#ring.reserve(length);
    return this.#at < 0 ? undefined : this.#ring.memory.bytes.subarray(this.#at, this.#at + length);
  }

  /** Gives the frame in the last room to the engine. */
  commit(length: number): void {
    const arrivalNs = this.#firstArrivalNs ?? this.#clock.now();
    this.#firstArrivalNs = undefined;
    this.#ring.commit(length, arrivalNs);
    this.#takenBytes += length;
    this.#frames++;
    this.#engine.ring();
    this.pump();
  }

  /**
   * Gives the engine a FAILED frame in the name of a receiver that has said, in a message, that the guest has not run
   * there and never will.
   */
  refuse(reason: string): void {
    const message = reason.replaceAll(/\p{Cc}+/gu, ' ').slice(0, 4096);
    const packed = packControl({ name: 'failed', body: { message, ran: false } });
    const at = this.#ring.reserve(packed.length + HEADER_BYTES);
    if (at < 0) return;
    const { memory } = this.#ring;
    const length = encodeControl(memory, at, 'failed', packed, this.#frames++);
    this.#ring.commit(length, this.#clock.now());
    this.#engine.ring();
  }

  /** Says what the engine has taken, if that is worth a message; otherwise the engine rings when it takes more. */
  pump(): void {
    if (this.#takenBytes - this.#creditedBytes < this.#creditBytes) return;
    if (this.#credit()) return;
    this.#ring.awaitRelease();
    // The engine may have taken frames just before it could see that somebody waits.
    this.#credit();
  }

  /** Says again what it has said last, as that may have been lost. */
  tellAgain(): void {
    if (this.#creditedBytes > 0) this.#tell(this.#creditedBytes);
  }

  #credit(): boolean {
    // What the ring adds to a frame counts as well, so that this is never too much.
    const bytes = this.#takenBytes - this.#ring.queuedBytes();
    if (bytes - this.#creditedBytes < this.#creditBytes) return false;
    this.#creditedBytes = bytes;
    this.#tell(bytes);
    return true;
  }
}
