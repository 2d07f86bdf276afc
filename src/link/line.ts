import type { RingConsumer, RingProducer, SharedRing } from './ring.ts';
import { emptyRing } from './ring.ts';

/**
 * Whether the two ends of a link are connected, in shared memory:
 *
 *   i32  0  number of the connection: even while it stands, odd once it is lost
 *        1  the last lost connection that the near end has let go of
 *        2  the same of the far end
 *
 * What is under way when a connection is lost is lost with it, so the rings are emptied for the next
 * one. They may be only when nobody touches them: an end that notices the loss lets go, says so, and
 * keeps its hands off until a new connection stands; the line is restored when both have.
 */
const NUMBER = 0;
export type LineSide = 'near' | 'far';
const LET_GO = { near: 1, far: 2 } as const;

export type SharedLine = SharedArrayBuffer;

export function createLine(): SharedLine {
  return new SharedArrayBuffer(3 * Int32Array.BYTES_PER_ELEMENT);
}

/** The line as somebody sees it who cuts and restores it: the network. */
export class Line {
  readonly #words: Int32Array;
  readonly #rings: readonly SharedRing[];

  constructor(line: SharedLine, rings: readonly SharedRing[]) {
    this.#words = new Int32Array(line);
    this.#rings = rings;
  }

  get isLost(): boolean {
    return Atomics.load(this.#words, NUMBER) % 2 !== 0;
  }

  /** The connection is lost, and with it what is under way. */
  cut(): void {
    if (!this.isLost) Atomics.add(this.#words, NUMBER, 1);
  }

  /** Whether both ends have noticed, so that the line may be restored. */
  hasBeenLetGo(): boolean {
    const number = Atomics.load(this.#words, NUMBER);
    return (['near', 'far'] as const).every(
      (side) => Atomics.load(this.#words, LET_GO[side]) === number,
    );
  }

  /** A new connection stands, once both ends have let go of the lost one; false: they have not. */
  restore(): boolean {
    if (!this.isLost || !this.hasBeenLetGo()) return false;
    for (const ring of this.#rings) emptyRing(ring);
    Atomics.add(this.#words, NUMBER, 1);
    return true;
  }
}

/** One end of a line. */
export class LineEnd {
  readonly #words: Int32Array;
  readonly #letGo: number;
  /** The connection that this end uses. */
  #number: number;
  #hasLetGo = false;

  constructor(line: SharedLine, side: LineSide) {
    this.#words = new Int32Array(line);
    this.#letGo = LET_GO[side];
    this.#number = Atomics.load(this.#words, NUMBER);
  }

  /** Whether its connection is lost; who is told so must not touch the rings any more. */
  isLost(): boolean {
    if (this.#hasLetGo) return true;
    if (Atomics.load(this.#words, NUMBER) === this.#number) return false;
    this.#hasLetGo = true;
    // It can be but one further: the next connection waits for this word.
    Atomics.store(this.#words, this.#letGo, this.#number + 1);
    return true;
  }

  /** Whether a new connection stands in the place of the lost one. */
  isRestored(): boolean {
    return this.#hasLetGo && Atomics.load(this.#words, NUMBER) > this.#number + 1;
  }

  /** Goes over to the new connection, whose rings are empty. */
  takeUp(producer: RingProducer, consumer: RingConsumer): void {
    this.#number += 2;
    this.#hasLetGo = false;
    // Lost again already: nothing is touched, and the next look lets go of it.
    if (this.isLost()) return;
    producer.restart();
    consumer.restart();
  }
}
