import { type FrameRoom, type Link, PeerGone } from '../../../link/link.ts';
import { createRing, RingProducer } from '../../../link/ring.ts';
import { type Frame, type FrameMemory, frameTypeAt, HEADER_BYTES } from '../../../wire/frame.ts';
import { MAX_FRAME_BYTES } from '../../../wire/limits.ts';
import { deliver, type Delivery } from '../delivery.ts';

const AT = 4096;

/** The two memories of links of which one is in use at a time. */
export interface ScriptMemory {
  readonly incoming: FrameMemory;
  readonly outgoing: FrameMemory;
}

const frameMemory = (): FrameMemory =>
  new RingProducer(createRing(2 ** Math.ceil(Math.log2(AT + MAX_FRAME_BYTES)), false)).memory;

/** Creates memories of which each holds the longest frame. */
export const createScriptMemory = (): ScriptMemory => ({
  incoming: frameMemory(),
  outgoing: frameMemory(),
});

/** One end of a link that brings the frames of a list at once, and then finds its other end gone. */
export class ScriptedLink implements Link {
  /** The types of the frames that were posted. */
  readonly posted: number[] = [];
  readonly postedBytes = 0;
  readonly drainedAtNs = 0;
  readonly postedArrivalNs = 0;
  readonly polledArrivalNs = 0;
  readonly #memory: ScriptMemory;
  readonly #script: readonly Delivery[];
  #next = 0;

  constructor(memory: ScriptMemory, script: readonly Delivery[]) {
    this.#memory = memory;
    this.#script = script;
  }

  poll(): Frame {
    const delivery = this.#script[this.#next];
    if (!delivery) throw new PeerGone();
    return deliver(this.#memory.incoming, AT, delivery, this.#next++);
  }

  room(maxBytes: number): FrameRoom {
    if (maxBytes > MAX_FRAME_BYTES || maxBytes < HEADER_BYTES) {
      throw new RangeError(`no frame of ${maxBytes} bytes fits a link`);
    }
    return { memory: this.#memory.outgoing, at: AT, sequence: this.posted.length };
  }

  post(): void {
    this.posted.push(frameTypeAt(this.#memory.outgoing, AT));
  }

  canReconnect(): boolean {
    return true;
  }

  reconnect(): void {
    throw new PeerGone();
  }

  arrivalAtNs = (): number => 0;
  creditAtNs = (): number => 0;
  charge = (): void => undefined;
  rest = (): void => undefined;
  limit = (): void => undefined;
  lookahead = (): void => undefined;
  release = (): void => undefined;
}
