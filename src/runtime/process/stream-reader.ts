import { FRAME_MAGIC, HEADER_BYTES, WIRE_VERSION } from '../../wire/frame.ts';
import { MAX_FRAME_BYTES } from '../../wire/limits.ts';
import {
  HEADER_VERSION,
  MESSAGE_HEADER_BYTES,
  MESSAGE_MAGIC,
  mostBytesOf,
  type MessageName,
  nameOfType,
  ProtocolError,
} from './messages.ts';

/** So many bytes say what comes, and how long it is. */
const PREFIX_BYTES = 12;

/** Where a stream's frames and messages go. */
export interface StreamSink {
  /** Returns room for a frame of this length, or undefined while there is none. Throws ProtocolError for one out of turn. */
  frameRoom(length: number): Uint8Array | undefined;
  /** Takes the frame that now fills the last room. */
  frame(length: number): void;
  /** Throws ProtocolError when a message of this kind may not come now; nothing has been allocated for it yet. */
  admit(kind: MessageName, length: number): void;
  message(kind: MessageName, bytes: Uint8Array): void;
}

/**
 * Divides the bytes of a connection into frames and messages. It checks magic, version, type and length of each before
 * it asks for room, so a stranger's lengths have no effect; a frame's bytes go straight to the room that its sink gives.
 */
export class StreamReader {
  readonly #sink: StreamSink;
  readonly #prefix = new Uint8Array(PREFIX_BYTES);
  readonly #view = new DataView(this.#prefix.buffer);
  #prefixBytes = 0;
  /** Where the rest of what has begun to come is written; undefined before its prefix has been understood. */
  #target: Uint8Array | undefined;
  #filled = 0;
  /** The kind of the message that comes; undefined for a frame. */
  #kind: MessageName | undefined;

  constructor(sink: StreamSink) {
    this.#sink = sink;
  }

  /** Whether a frame or a message has begun to come whose end is missing. */
  get isWithin(): boolean {
    return this.#prefixBytes > 0;
  }

  /**
   * Takes bytes of the stream. Returns how many of them it has taken: fewer than all when there is no room for the next
   * frame; the rest, which may be empty, has to be pushed again later. Throws ProtocolError.
   */
  push(chunk: Uint8Array): number {
    let at = 0;
    for (;;) {
      if (!this.#target) {
        at = this.#takePrefix(chunk, at);
        if (this.#prefixBytes < PREFIX_BYTES) return at;
        if (!this.#begin()) return at;
      }
      const target = this.#target!;
      const bytes = Math.min(target.length - this.#filled, chunk.length - at);
      if (bytes > 0) target.set(chunk.subarray(at, at + bytes), this.#filled);
      at += bytes;
      this.#filled += bytes;
      if (this.#filled < target.length) return at;
      this.#end(target);
    }
  }

  #takePrefix(chunk: Uint8Array, from: number): number {
    const bytes = Math.min(PREFIX_BYTES - this.#prefixBytes, chunk.length - from);
    for (let i = 0; i < bytes; i++) this.#prefix[this.#prefixBytes++] = chunk[from + i]!;
    return from + bytes;
  }

  /** Finds room for what its prefix announces; returns whether there is any. */
  #begin(): boolean {
    const magic = this.#view.getUint32(0, true);
    const length = this.#view.getUint32(8, true);
    if (magic === FRAME_MAGIC) {
      this.#checkFrame(length);
      this.#target = this.#sink.frameRoom(length);
      this.#kind = undefined;
    } else if (magic === MESSAGE_MAGIC) {
      this.#kind = this.#checkMessage(length);
      this.#target = new Uint8Array(length);
    } else {
      throw new ProtocolError('it does not speak the protocol of Pageferry');
    }
    if (!this.#target) return false;
    this.#target.set(this.#prefix);
    this.#filled = PREFIX_BYTES;
    return true;
  }

  #checkFrame(length: number): void {
    const version = this.#view.getUint16(4, true);
    if (version !== WIRE_VERSION) throw new ProtocolError(`it sent a frame of version ${version}`);
    if (length >= HEADER_BYTES && length <= MAX_FRAME_BYTES) return;
    throw new ProtocolError(`it announced a frame of ${length} bytes`);
  }

  #checkMessage(length: number): MessageName {
    const version = this.#view.getUint16(4, true);
    if (version !== HEADER_VERSION) {
      throw new ProtocolError(`it sent a message of version ${version}`);
    }
    const type = this.#view.getUint16(6, true);
    const kind = nameOfType(type);
    if (!kind) throw new ProtocolError(`it sent a message of the unknown type ${type}`);
    if (length < MESSAGE_HEADER_BYTES || length > mostBytesOf(kind)) {
      throw new ProtocolError(`it announced ${kind} of ${length} bytes`);
    }
    this.#sink.admit(kind, length);
    return kind;
  }

  #end(target: Uint8Array): void {
    const kind = this.#kind;
    this.#target = undefined;
    this.#prefixBytes = 0;
    if (kind) this.#sink.message(kind, target);
    else this.#sink.frame(target.length);
  }
}
