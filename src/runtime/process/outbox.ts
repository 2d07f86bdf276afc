import { ProtocolError } from './messages.ts';

/** How many whole messages and frames have gone one way, over all connections of a migration. */
export interface ItemCounts {
  readonly messages: number;
  readonly frames: number;
}

interface Item {
  readonly bytes: Uint8Array;
  /** Memory that a later frame may use; absent for a message. */
  readonly store?: Uint8Array;
}

/** Frames are often of one length, and stores for them are of this length at least. */
const LEAST_STORE = 256 * 1024;

/**
 * What has been sent and may still be lost with the connection: a copy of each message and frame that the other process
 * has not acknowledged. Frames under way are bounded by the window of their connection, and so is the memory here.
 */
export class Outbox {
  #items: Item[] = [];
  #head = 0;
  /** What has been acknowledged. */
  #messages = 0;
  #frames = 0;
  readonly #free: Uint8Array[] = [];
  #isOpen = true;

  /** How many messages and frames would be sent again if the connection were lost now. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Keeps a message, which its caller must not change. */
  keep(bytes: Uint8Array): void {
    if (this.#isOpen) this.#items.push({ bytes });
  }

  /** Keeps a copy of a frame, and returns the copy; returns the frame itself when nothing is kept. */
  keepFrame(frame: Uint8Array): Uint8Array {
    if (!this.#isOpen) return frame;
    const at = this.#free.findLastIndex((one) => one.length >= frame.length);
    const store =
      at < 0 ? new Uint8Array(Math.max(LEAST_STORE, frame.length)) : this.#free.splice(at, 1)[0]!;
    store.set(frame);
    const bytes = store.subarray(0, frame.length);
    this.#items.push({ bytes, store });
    return bytes;
  }

  /** Forgets what has come at the other process. Throws ProtocolError when that was never sent, or not in this order. */
  acknowledge({ messages, frames }: ItemCounts): void {
    if (!this.#isOpen) return;
    while (this.#messages < messages || this.#frames < frames) {
      const item = this.#items[this.#head++];
      if (!item) throw wrongCounts({ messages, frames });
      if (item.store) {
        this.#frames++;
        this.#free.push(item.store);
      } else this.#messages++;
    }
    if (this.#messages !== messages || this.#frames !== frames) {
      throw wrongCounts({ messages, frames });
    }
    if (this.#head < 64 && this.#head < this.#items.length) return;
    this.#items.splice(0, this.#head);
    this.#head = 0;
  }

  /** Forgets all frames, which begin anew. */
  forgetFrames(): void {
    this.#frames = 0;
    const items = this.#items.slice(this.#head);
    this.#free.push(...items.flatMap(({ store }) => (store ? [store] : [])));
    this.#items = items.filter(({ store }) => !store);
    this.#head = 0;
  }

  /** Returns what has not been acknowledged, in its order. */
  *rest(): Iterable<Uint8Array> {
    for (let i = this.#head; i < this.#items.length; i++) yield this.#items[i]!.bytes;
  }

  /** Keeps nothing from now on, since the connection is never replaced. */
  close(): void {
    this.#isOpen = false;
    this.#items = [];
    this.#free.length = 0;
    this.#head = 0;
  }
}

const wrongCounts = ({ messages, frames }: ItemCounts): ProtocolError =>
  new ProtocolError(
    `it says that ${messages} messages and ${frames} frames have come, which were not sent so`,
  );
