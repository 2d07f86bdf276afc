/** The last readings of something, of which a monitor keeps a limited number. */
export class Series {
  readonly #values: Float32Array;
  #next = 0;
  #count = 0;
  #fresh = 0;

  /** It keeps the last `window` readings. */
  constructor(window: number) {
    this.#values = new Float32Array(window);
  }

  get length(): number {
    return this.#count;
  }

  push(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % this.#values.length;
    this.#count = Math.min(this.#count + 1, this.#values.length);
    this.#fresh++;
  }

  /** How many readings have been taken since `renew` was called, at most as many as are kept. */
  get fresh(): number {
    return Math.min(this.#fresh, this.#count);
  }

  /** Notes that what the readings are of has changed: the readings so far show no hotspot any more. */
  renew(): void {
    this.#fresh = 0;
  }

  /** Returns the reading before the last `back` ones; 0 is the last. It is 0 when there are not so many. */
  at(back: number): number {
    if (back >= this.#count) return 0;
    const { length } = this.#values;
    return this.#values[(this.#next - 1 - back + 2 * length) % length]!;
  }

  /** The last reading, 0 when there is none. */
  get last(): number {
    return this.at(0);
  }

  /** Returns the last `most` readings, the oldest one first. */
  tail(most: number): number[] {
    const count = Math.min(most, this.#count);
    return Array.from({ length: count }, (_, i) => this.at(count - 1 - i));
  }

  /** Returns the reading that this share of all readings does not exceed; 0 when there are none. */
  percentile(share: number): number {
    if (this.#count === 0) return 0;
    const sorted = this.tail(this.#count).toSorted((a, b) => a - b);
    return sorted[Math.min(this.#count - 1, Math.max(0, Math.ceil(share * this.#count) - 1))]!;
  }
}
