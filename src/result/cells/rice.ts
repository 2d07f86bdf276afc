import type { BitReader, BitWriter } from './bits.ts';

/** A number whose first part would be longer than this is written in full. */
const MOST_ONES = 24;
const FULL_BITS = 40;
/** Once so many numbers have been counted, both counters are halved, so that the last ones weigh more. */
const MEMORY = 32;

/**
 * Rice codes (Rice and Plaunt 1971) of numbers from 0 on: a number is divided by 2^k; the quotient is written as so
 * many ones and a zero, the rest in k bits. k follows the numbers written so far, as in LOCO-I (Weinberger, Seroussi
 * and Sapiro 2000), so that writer and reader agree on it without a word.
 */
class Parameter {
  #sum = 4;
  #count = 1;

  /** The smallest k for which 2^(k + 1) is at least the mean. */
  get k(): number {
    let k = 0;
    while (this.#count * 2 ** (k + 1) < this.#sum) k++;
    return k;
  }

  took(value: number): void {
    this.#sum += value;
    if (++this.#count < MEMORY) return;
    this.#sum = Math.floor(this.#sum / 2);
    this.#count /= 2;
  }
}

/** Writes whole numbers, which may be negative: n is coded as 2n, and −n as 2n − 1. */
export class RiceWriter {
  readonly #bits: BitWriter;
  readonly #parameter = new Parameter();

  constructor(bits: BitWriter) {
    this.#bits = bits;
  }

  write(number: number): void {
    const value = number >= 0 ? 2 * number : -2 * number - 1;
    const { k } = this.#parameter;
    const ones = Math.floor(value / 2 ** k);
    if (ones < MOST_ONES) {
      this.#bits.write(2 ** (ones + 1) - 2, ones + 1);
      this.#bits.write(value % 2 ** k, k);
    } else {
      this.#bits.write(2 ** MOST_ONES - 1, MOST_ONES);
      this.#bits.write(value, FULL_BITS);
    }
    this.#parameter.took(value);
  }
}

/** Reads what a RiceWriter has written. */
export class RiceReader {
  readonly #bits: BitReader;
  readonly #parameter = new Parameter();

  constructor(bits: BitReader) {
    this.#bits = bits;
  }

  read(): number {
    const { k } = this.#parameter;
    let ones = 0;
    while (ones < MOST_ONES && this.#bits.read(1) === 1) ones++;
    const value =
      ones < MOST_ONES ? ones * 2 ** k + this.#bits.read(k) : this.#bits.read(FULL_BITS);
    this.#parameter.took(value);
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
}
