/** Blocks of bytes one behind the other, each with its length: what a frame carries of pages that it does not carry raw. */
export class BlockList {
  readonly lengths: Uint32Array;
  readonly bytes: Uint8Array;
  #count = 0;
  #used = 0;

  constructor(mostBlocks: number, mostBytes: number) {
    this.lengths = new Uint32Array(mostBlocks);
    this.bytes = new Uint8Array(mostBytes);
  }

  /** The number of blocks. */
  get count(): number {
    return this.#count;
  }

  /** The bytes of all blocks, which are those where the next one may be written. */
  get used(): number {
    return this.#used;
  }

  clear(): void {
    this.#count = 0;
    this.#used = 0;
  }

  /** Takes the bytes that have been written behind the last block as the next one. */
  close(length: number): void {
    this.lengths[this.#count++] = length;
    this.#used += length;
  }

  /** Adds a block, if it takes less than `most` bytes. */
  add(block: Uint8Array, most: number): boolean {
    if (block.length >= most) return false;
    this.bytes.set(block, this.#used);
    this.close(block.length);
    return true;
  }
}
