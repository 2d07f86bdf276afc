/**
 * One word that a thread sleeps on while several others may have news for it: ringing bumps a
 * sequence number and wakes the sleeper only if it says that it sleeps.
 *
 * Use: read `sequence()`, look at everything you wait for, then `wait(sequence)`; a ring between
 * the look and the wait makes the wait return at once.
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

  /** Spins `spins` times, then sleeps at most `timeoutMs`. Returns when rung, late, or for no reason. */
  wait(sequence: number, timeoutMs: number, spins = 0): void {
    for (let i = 0; i < spins; i++) if (this.sequence() !== sequence) return;
    Atomics.store(this.#words, this.#at + 1, 1);
    Atomics.wait(this.#words, this.#at, sequence, timeoutMs);
    Atomics.store(this.#words, this.#at + 1, 0);
  }
}
