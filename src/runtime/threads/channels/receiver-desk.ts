import { Doorbell } from '../../../memory/doorbell.ts';
import { ENCODING_COUNT } from '../../../wire/encodings.ts';
import type { Integrity } from '../../../wire/pages.ts';
import type { PageTally } from '../../../wire/tally.ts';

/**
 * The words that the destination's engine and the receiver of one channel share:
 *
 *   i32   0  doorbell of the receiver (2 words), rung by the engine and by the channel's sender
 *         2  1 once the receiver may leave
 *         3  1 or 2 once it may take frames, whose pages have sums (1) or none (2)
 *         4  number of the last SYNC that it has come to, and
 *         5  of the last one behind which it may go on
 *         6  how many bytes of a sentence say why it can't go on; 0 if it can
 *   f64   8  what it has installed by its last SYNC: pages by encoding, then bytes
 *         …  that sentence, in UTF-8
 */
const LEAVE = 2;
const BEGIN = 3;
const AT = 4;
const GO = 5;
const PROBLEM = 6;
const TALLY_AT = 8 * 8;
const TALLY = 2 * ENCODING_COUNT;
const SENTENCE_AT = TALLY_AT + 8 * TALLY;
const MOST_SENTENCE_BYTES = 1024;

const INTEGRITY = { full: 1, header: 2 } as const;

export type SharedReceiverDesk = SharedArrayBuffer;

export const createReceiverDesk = (): SharedReceiverDesk =>
  new SharedArrayBuffer(SENTENCE_AT + MOST_SENTENCE_BYTES);

class Desk {
  readonly doorbell: Doorbell;
  protected readonly words: Int32Array;
  protected readonly counts: Float64Array;
  protected readonly sentence: Uint8Array;

  constructor(shared: SharedReceiverDesk) {
    this.words = new Int32Array(shared, 0, 16);
    this.counts = new Float64Array(shared, TALLY_AT, TALLY);
    this.sentence = new Uint8Array(shared, SENTENCE_AT, MOST_SENTENCE_BYTES);
    this.doorbell = new Doorbell(this.words, 0);
  }
}

/** The engine's side of the desk. */
export class ReceiverDeskOfEngine extends Desk {
  get syncedAt(): number {
    return Atomics.load(this.words, AT);
  }

  get problem(): string | undefined {
    const bytes = Atomics.load(this.words, PROBLEM);
    return bytes === 0 ? undefined : Buffer.from(this.sentence.slice(0, bytes)).toString('utf8');
  }

  get tally(): PageTally {
    const counts = Array.from(this.counts);
    return { pages: counts.slice(0, ENCODING_COUNT), bytes: counts.slice(ENCODING_COUNT) };
  }

  begin(integrity: Integrity): void {
    this.#tell(BEGIN, INTEGRITY[integrity]);
  }

  goOn(number: number): void {
    this.#tell(GO, number);
  }

  /** Lets the receiver's thread leave. */
  dismiss(): void {
    this.#tell(LEAVE, 1);
  }

  #tell(word: number, value: number): void {
    Atomics.store(this.words, word, value);
    this.doorbell.ring();
  }
}

/** The receiver's side of the desk. */
export class ReceiverDeskOfThread extends Desk {
  get mayLeave(): boolean {
    return Atomics.load(this.words, LEAVE) !== 0;
  }

  /** Whether the frames' pages have sums, once frames may be taken. */
  get integrity(): Integrity | undefined {
    const value = Atomics.load(this.words, BEGIN);
    if (value === 0) return undefined;
    return value === INTEGRITY.full ? 'full' : 'header';
  }

  /** Whether it may take frames, and has not come to a SYNC behind which it may not go on yet. */
  get mayGoOn(): boolean {
    return Atomics.load(this.words, AT) <= Atomics.load(this.words, GO);
  }

  synced(number: number, { pages, bytes }: PageTally): void {
    this.counts.set(pages);
    this.counts.set(bytes, ENCODING_COUNT);
    Atomics.store(this.words, AT, number);
  }

  failed(message: string): void {
    const bytes = Buffer.from(message).subarray(0, MOST_SENTENCE_BYTES);
    this.sentence.set(bytes);
    Atomics.store(this.words, PROBLEM, bytes.length);
  }
}
