/**
 * A word on which one thread sleeps while several others may have news for it. Whoever rings increments a sequence
 * number, and wakes the sleeper only if the second word says that it sleeps.
 *
 * The sleeper reads `sequence()`, then checks everything that it waits for, then calls `wait(sequence)`. A ring
 * between the check and the wait makes the wait return at once.
 */
export class Doorbell {
  static readonly WORDS = 2;
  readonly #words: Int32Array;
  readonly #at: number;

  constructor(words: Int32Array, at: number) {
    this.#words = words;
    this.#at = at;
  }

  sequence(): number {
    return Atomics.load(this.#words, this.#at);
  }

  ring(): void {
    Atomics.add(this.#words, this.#at, 1);
    if (Atomics.load(this.#words, this.#at + 1) !== 0) Atomics.notify(this.#words, this.#at);
  }

  /**
   * Spins `spins` times, then sleeps at most `timeoutMs`. Returns after a ring, after the timeout, or now and then
   * for no reason.
   */
  wait(sequence: number, timeoutMs: number, spins = 0): void {
    for (let i = 0; i < spins; i++) if (this.sequence() !== sequence) return;
    Atomics.store(this.#words, this.#at + 1, 1);
    Atomics.wait(this.#words, this.#at, sequence, timeoutMs);
    Atomics.store(this.#words, this.#at + 1, 0);
  }
}
