/** Collects bits, the most significant bit of each byte first. */
export class BitWriter {
  readonly #bytes: number[] = [];
  #byte = 0;
  #used = 0;

  /** Appends the lowest `bits` bits of a value, the highest of them first. The value may have up to 53 bits. */
  write(value: number, bits: number): void {
    for (let bit = bits - 1; bit >= 0; bit--) {
      this.#byte = this.#byte * 2 + (Math.floor(value / 2 ** bit) % 2);
      if (++this.#used < 8) continue;
      this.#bytes.push(this.#byte);
      this.#byte = 0;
      this.#used = 0;
    }
  }

  /** Returns all bits as bytes; zeros fill up the last one. */
  bytes(): Uint8Array {
    const rest = this.#used > 0 ? [this.#byte * 2 ** (8 - this.#used)] : [];
    return Uint8Array.from([...this.#bytes, ...rest]);
  }
}

/** Reads the bits that a BitWriter has written. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Takes the next bits as one value. Throws RangeError if there are not so many. */
  read(bits: number): number {
    let value = 0;
    for (let left = bits; left > 0; left--) {
      if (this.#at >= 8 * this.#bytes.length) throw new RangeError('the cells end too early');
      value = value * 2 + ((this.#bytes[this.#at >>> 3]! >>> (7 - (this.#at & 7))) & 1);
      this.#at++;
    }
    return value;
  }
}
