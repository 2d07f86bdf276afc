import { Doorbell } from '../../memory/doorbell.ts';
import { createHandshake, DOORBELL } from '../../memory/handshake/words.ts';

/**
 * The doorbell of a thread that must not block, because sockets need its event loop. An engine rings it as that of its
 * peer: the words around it are those of a guest that nobody pauses.
 */
export class AsyncDoorbell {
  readonly handshake = createHandshake(1);
  readonly #words = new Int32Array(this.handshake);
  readonly #bell = new Doorbell(this.#words, DOORBELL);

  sequence(): number {
    return this.#bell.sequence();
  }

  ring(): void {
    this.#bell.ring();
  }

  /** Resolves after a ring that comes, or has come, after `sequence` was read, or after the timeout. */
  async wait(sequence: number, timeoutMs: number): Promise<void> {
    // The second word says that somebody sleeps (memory/doorbell.ts).
    Atomics.store(this.#words, DOORBELL + 1, 1);
    const wake = Atomics.waitAsync(this.#words, DOORBELL, sequence, timeoutMs);
    if (wake.async) await wake.value;
    Atomics.store(this.#words, DOORBELL + 1, 0);
  }
}
