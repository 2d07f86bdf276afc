import { hashOn, hashWords, mix32 } from '../random/generator.ts';
import type { BlockWrite } from '../wire/epoch-blocks.ts';

/** The shape of a guest's disk. */
export interface DiskShape {
  readonly blocks: number;
  readonly blockBytes: number;
  readonly seed: number;
}

/** The bytes of a guest's disk at one place, all zero at first. */
export class DiskImage {
  readonly shape: DiskShape;
  readonly bytes: Uint8Array;

  /** `bytes` are those of the disk, in whose memory it is kept; without them it has memory of its own. */
  constructor(
    shape: DiskShape,
    bytes: Uint8Array = new Uint8Array(shape.blocks * shape.blockBytes),
  ) {
    this.shape = shape;
    this.bytes = bytes;
  }

  /** Returns the block's own bytes, not a copy. */
  block(number: number): Uint8Array {
    const { blockBytes } = this.shape;
    return this.bytes.subarray(number * blockBytes, (number + 1) * blockBytes);
  }

  apply({ block, content }: BlockWrite): void {
    this.block(block).set(content);
  }
}

/**
 * Returns write number `n` (from 1 on) of the stream in this place among those that write. It is a function of its
 * arguments alone, so that a disk can be replayed. Each of the streams has a part of the disk for itself, so that the
 * order among them has no effect. `variant` is that of the stream (guest/stream-variants.ts).
 */
export function diskWrite(
  shape: DiskShape,
  { place, places }: { readonly place: number; readonly places: number },
  n: number,
  variant = 0,
): BlockWrite {
  const first = Math.floor((shape.blocks * place) / places);
  const own = Math.max(1, Math.floor((shape.blocks * (place + 1)) / places) - first);
  const planned = hashWords(shape.seed, place, n);
  const key = variant === 0 ? planned : hashOn(planned, variant);
  const words = new Uint32Array(shape.blockBytes / 4);
  for (let i = 0; i < words.length; i++) words[i] = mix32(key + i);
  return { block: first + (key % own), content: new Uint8Array(words.buffer) };
}

/**
 * Mirrors the writes of a guest's disk: it keeps those that have yet to be sent, by epoch. The guest's own disk has them
 * already.
 */
export class DiskMirror {
  readonly shape: DiskShape;
  /** Writes of the epoch that goes on, and of the one that has ended. */
  #current: BlockWrite[] = [];
  #ended: BlockWrite[] = [];
  isOn = false;

  constructor(shape: DiskShape) {
    this.shape = shape;
  }

  note(write: BlockWrite): void {
    if (this.isOn) this.#current.push(write);
  }

  /** Begins to mirror, with all blocks of a disk that are not zero. */
  begin(image: DiskImage): void {
    this.isOn = true;
    const { blocks } = this.shape;
    for (let block = 0; block < blocks; block++) {
      const content = image.block(block);
      if (content.some((byte) => byte !== 0)) {
        this.#current.push({ block, content: content.slice() });
      }
    }
  }

  /** Ends an epoch; all of the one before has been taken. */
  barrier(): void {
    this.#ended = [...this.#ended, ...this.#current];
    this.#current = [];
  }

  /** Takes at most so many writes of the epoch that has ended. */
  takeEnded(most: number): readonly BlockWrite[] {
    return this.#ended.splice(0, most);
  }

  /** Takes at most so many writes of the epoch that goes on. */
  takeCurrent(most: number): readonly BlockWrite[] {
    return this.#current.splice(0, most);
  }

  get endedBlocks(): number {
    return this.#ended.length;
  }

  get currentBlocks(): number {
    return this.#current.length;
  }

  /** Mirrors nothing any more. */
  end(): void {
    this.isOn = false;
    this.#current = [];
    this.#ended = [];
  }
}
