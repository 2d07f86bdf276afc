import type { RingConsumer, RingProducer, SharedRing } from './ring.ts';
import { emptyRing } from './ring.ts';

/**
 * A line says in shared memory whether the two ends of a link are connected:
 *
 *   i32  0  number of the connection; it is even while the connection stands and odd once it is lost
 *        1  this number when the near end last acknowledged a loss
 *        2  this number when the far end last acknowledged a loss
 *
 * The frames in flight are lost with their connection, so the rings are emptied for the next one. That is
 * safe only while neither end uses them: an end that notices a loss acknowledges it and doesn't touch
 * the rings until a new connection stands; the line is restored once both ends have acknowledged.
 */
const NUMBER = 0;
/** The two ends of a line; a link's maker decides which is which. */
export type LineSide = 'near' | 'far';
const ACKNOWLEDGED = { near: 1, far: 2 } as const;

/** The shared memory of a line, which every thread that has an end of it gets. */
export type SharedLine = SharedArrayBuffer;

/** Creates a line whose connection stands. */
export function createLine(): SharedLine {
  return new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT);
}

/** The line as the network sees it, which cuts and restores the connection over these rings. */
export class Line {
  readonly #words: Int32Array;
  readonly #rings: readonly SharedRing[];

  constructor(line: SharedLine, rings: readonly SharedRing[]) {
    this.#words = new Int32Array(line);
    this.#rings = rings;
  }

  /** Whether the connection is lost and no new one stands. */
  get isLost(): boolean {
    return Atomics.load(this.#words, NUMBER) % 2 !== 0;
  }

  /** Cuts the connection; the frames in flight are lost. */
  cut(): void {
    if (!this.isLost) Atomics.add(this.#words, NUMBER, 1);
  }

  /** Returns whether both ends have acknowledged the loss, so that the line may be restored. */
  hasBeenLetGo(): boolean {
    const number = Atomics.load(this.#words, NUMBER);
    return (['near', 'far'] as const).every(
      (side) => Atomics.load(this.#words, ACKNOWLEDGED[side]) === number,
    );
  }

  /**
   * Empties the rings and makes a new connection. Returns false, and does nothing, if the connection
   * stands or an end has not acknowledged its loss yet.
   */
  restore(): boolean {
    if (!this.isLost || !this.hasBeenLetGo()) return false;
    for (const ring of this.#rings) emptyRing(ring);
    Atomics.add(this.#words, NUMBER, 1);
    return true;
  }
}

/** The line as one end of the link sees it. */
export class LineEnd {
  readonly #words: Int32Array;
  /** The index of the word in which this end acknowledges a loss. */
  readonly #acknowledgedAt: number;
  /** The number of the connection that this end uses. */
  #number: number;
  #hasAcknowledged = false;

  constructor(line: SharedLine, side: LineSide) {
    this.#words = new Int32Array(line);
    this.#acknowledgedAt = ACKNOWLEDGED[side];
    this.#number = Atomics.load(this.#words, NUMBER);
  }

  /**
   * Returns whether the connection of this end is lost, and acknowledges the loss: from then on the
   * caller must not touch the rings.
   */
  isLost(): boolean {
    if (this.#hasAcknowledged) return true;
    if (Atomics.load(this.#words, NUMBER) === this.#number) return false;
    this.#hasAcknowledged = true;
    // The number can only be one higher, because the next connection waits for this word.
    Atomics.store(this.#words, this.#acknowledgedAt, this.#number + 1);
    return true;
  }

  /** Returns whether a new connection has replaced the lost one. */
  isRestored(): boolean {
    return this.#hasAcknowledged && Atomics.load(this.#words, NUMBER) > this.#number + 1;
  }

  /** Makes this end use the new connection, whose rings are empty. */
  takeUp(producer: RingProducer, consumer: RingConsumer): void {
    this.#number += 2;
    this.#hasAcknowledged = false;
    // If the new connection is lost already, the rings must not be touched.
    if (this.isLost()) return;
    producer.restart();
    consumer.restart();
  }
}
