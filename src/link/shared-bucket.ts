import { HORIZON_NS } from './link.ts';
import type { Pacing } from './pacing.ts';
import { MADE_UP_LAG_NS, type RateLimiter } from './rate-limiter.ts';

/**
 * A token bucket in shared memory, through which several threads pace themselves together (rate-limiter.ts says how a
 * bucket works). Its words are 64 bits wide:
 *
 *   0  i64  until when the frames that have been counted keep the link busy, in ns
 *   1  f64  the nanoseconds for each byte
 *   2  f64  the horizon, in ns
 *   3  i64  1 while nobody has anything to send
 */
const BUSY = 0;
const PER_BYTE = 1;
const HORIZON = 2;
const RESTING = 3;
const WORDS = 4;

/** The shared memory of the pacing of one direction of a connection. */
export type SharedPacing = SharedArrayBuffer;

/** Creates the pacing of a link of this rate, without a limit of the migration's own. */
export function createPacing(bytesPerSecond: number): SharedPacing {
  const shared = new SharedArrayBuffer(2 * WORDS * 8);
  const { link, migration } = openSharedPacing(shared);
  for (const [bucket, rate] of [[link, bytesPerSecond] as const, [migration, Infinity] as const]) {
    bucket.setRate(rate);
    bucket.setHorizon(HORIZON_NS);
    bucket.rest();
  }
  return shared;
}

/** Opens a shared pacing in this thread. */
export const openSharedPacing = (shared: SharedPacing): Pacing => ({
  link: new SharedBucket(shared, 0),
  migration: new SharedBucket(shared, WORDS),
});

class SharedBucket implements RateLimiter {
  readonly #words: BigInt64Array;
  readonly #bits = new BigInt64Array(1);
  readonly #float = new Float64Array(this.#bits.buffer);

  constructor(shared: SharedPacing, first: number) {
    this.#words = new BigInt64Array(shared, first * 8, WORDS);
  }

  readyAtNs(): number {
    if (this.#load(PER_BYTE) === 0) return 0;
    return Number(Atomics.load(this.#words, BUSY)) - this.#load(HORIZON);
  }

  take(bytes: number, nowNs: number): number {
    const hasRested = Atomics.exchange(this.#words, RESTING, 0n) !== 0n;
    const perByteNs = this.#load(PER_BYTE);
    if (perByteNs === 0) return nowNs;
    const earliestNs = hasRested ? nowNs : nowNs - MADE_UP_LAG_NS;
    for (;;) {
      const before = Atomics.load(this.#words, BUSY);
      const untilNs = Math.ceil(Math.max(Number(before), earliestNs) + bytes * perByteNs);
      const seen = Atomics.compareExchange(this.#words, BUSY, before, BigInt(untilNs));
      if (seen === before) return untilNs;
    }
  }

  rest(): void {
    Atomics.store(this.#words, RESTING, 1n);
  }

  restart(): void {
    Atomics.store(this.#words, BUSY, 0n);
    this.rest();
  }

  setRate(bytesPerSecond: number): void {
    this.#store(PER_BYTE, 1e9 / bytesPerSecond);
  }

  setHorizon(ns: number): void {
    this.#store(HORIZON, ns);
  }

  #load(at: number): number {
    this.#bits[0] = Atomics.load(this.#words, at);
    return this.#float[0]!;
  }

  #store(at: number, value: number): void {
    this.#float[0] = value;
    Atomics.store(this.#words, at, this.#bits[0]!);
  }
}
