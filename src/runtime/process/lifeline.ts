import type { Duplex } from 'node:stream';
import type { Clock } from '../../clock/clock.ts';
import { Heartbeat } from './heartbeat.ts';
import { encodeMessage } from './messages.ts';
import { type ItemCounts, Outbox } from './outbox.ts';

/** How a connection survives the loss of its stream. */
export interface Survival {
  /** Whether another stream may take the place of a lost one. */
  readonly isReplaced: boolean;
  /** How long that may take, for a loss now. */
  readonly withinMs: () => number;
  /** The other process counts as gone when nothing has come from it for this long. */
  readonly silenceMs: number;
  readonly clock: Clock;
  /** Called at each loss; it should see to a new stream. */
  readonly onLost: (reason: string) => void;
}

/** A time without a stream. */
export interface Loss {
  readonly reason: string;
  readonly lostNs: number;
  /** When a new stream took its place; absent if none did. */
  backNs?: number;
  /** How many messages and frames were sent again. */
  again?: number;
}

/** What the user of a lifeline is told. */
export interface LifelineCalls {
  /** Bytes have come. */
  onBytes(chunk: Uint8Array): void;
  /** The stream is lost, and what has come of an item without its end will come again as a whole. */
  onLost(): void;
  /** The next item comes over a new stream. */
  onBack(): void;
  /** The stream is lost and there will be no other one. */
  onOver(reason: string): void;
  /** Whether bytes have come for which there is no room yet. */
  isFull(): boolean;
}

/** What has come is acknowledged after so many bytes, as the other process keeps what is not. */
const ACK_BYTES = 256 * 1024;
/** What has been sent has this long to arrive when all is over. */
const LINGER_MS = 1000;

/**
 * A stream of messages and frames (items) that another stream can replace. What the other process has not acknowledged
 * is kept, and goes over the next stream first; so no item is lost, comes twice or out of order.
 */
export class Lifeline {
  /** Every time without a stream. */
  readonly losses: Loss[] = [];
  readonly #calls: LifelineCalls;
  #stream: Duplex | undefined;
  readonly #outbox = new Outbox();
  readonly #came = { messages: 0, frames: 0 };
  #unacknowledgedBytes = 0;
  #survival: Survival | undefined;
  #heartbeat: Heartbeat | undefined;
  #giveUpTimer: NodeJS.Timeout | undefined;
  #onFlushed: (() => void) | undefined;
  #isOver = false;

  constructor(stream: Duplex, calls: LifelineCalls) {
    this.#calls = calls;
    this.#listen(stream);
  }

  /** Whether there is a stream now. */
  get stands(): boolean {
    return this.#stream !== undefined;
  }

  /** What has come here whole. */
  get came(): ItemCounts {
    return { ...this.#came };
  }

  /** From now on silence ends the stream, and a new stream may take the place of one that has ended. */
  survive(survival: Survival): void {
    if (this.#isOver) return;
    this.#survival = survival;
    if (!survival.isReplaced) this.#outbox.close();
    this.#heartbeat = new Heartbeat(survival.silenceMs, {
      beat: () => this.#sendAck(),
      onSilence: () => {
        // Nothing is heard of a stream that is not read because there is no room.
        if (!this.#stream || this.#calls.isFull()) return;
        this.lose(`nothing has come for ${survival.silenceMs / 1000} s`);
      },
    });
  }

  sendMessage(bytes: Uint8Array): void {
    this.#outbox.keep(bytes);
    this.#write(bytes);
  }

  /** Sends a frame; `done` is called once its bytes may be overwritten. */
  sendFrame(frame: Uint8Array, done: () => void): void {
    this.#write(this.#outbox.keepFrame(frame), done);
  }

  /** Counts an item that has come, and acknowledges it together with others, or at once if it `isUrgent`. */
  count(kind: keyof ItemCounts, bytes: number, isUrgent: boolean): void {
    this.#came[kind]++;
    this.#unacknowledgedBytes += bytes;
    const isDue = isUrgent || this.#unacknowledgedBytes >= ACK_BYTES;
    if (this.#survival && isDue) this.#sendAck();
  }

  /** Forgets all frames, on their way here as well as there, since frames begin anew with the next stream. */
  forgetFrames(): void {
    this.#outbox.forgetFrames();
    this.#came.frames = 0;
  }

  /** Sends a message that needs not come, as there will be others like it. */
  tell(bytes: Uint8Array): void {
    this.#write(bytes);
  }

  /** Takes note of what has come at the other process. Throws ProtocolError. */
  acknowledge(came: ItemCounts): void {
    this.#outbox.acknowledge(came);
    if (this.#outbox.length === 0) this.#onFlushed?.();
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  /** Ends the stream for a reason that lies on the other side, and the lifeline unless it survives that. */
  lose(reason: string): void {
    if (this.#isOver) return;
    if (this.#survival?.isReplaced !== true) {
      this.#calls.onOver(reason);
      return;
    }
    const { clock, onLost } = this.#survival;
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.destroy();
    this.losses.push({ reason, lostNs: clock.now() });
    clearTimeout(this.#giveUpTimer);
    const withinMs = this.#survival.withinMs();
    const sentence = `${reason}, and no new connection came within ${withinMs / 1000} s`;
    this.#giveUpTimer = setTimeout(() => this.#calls.onOver(sentence), withinMs);
    this.#calls.onLost();
    onLost(reason);
  }

  /**
   * Goes on over a new stream, whose other end has said what has come there. Returns whether it does. Throws
   * ProtocolError when something else can't have come.
   */
  takeUp(stream: Duplex, came: ItemCounts): boolean {
    if (this.#isOver || this.#survival?.isReplaced !== true) return false;
    if (this.#stream) this.lose('another connection took its place');
    this.#outbox.acknowledge(came);
    clearTimeout(this.#giveUpTimer);
    const loss = this.losses.at(-1)!;
    loss.backNs = this.#survival.clock.now();
    loss.again = this.#outbox.length;
    this.#heartbeat!.heard();
    this.#listen(stream);
    for (const bytes of this.#outbox.rest()) this.#write(bytes);
    this.#calls.onBack();
    this.acknowledge(came);
    return true;
  }

  /** Lets go of the stream, which is paused and somebody else's from now on. */
  surrender(): Duplex {
    const stream = this.#stream!;
    this.#stream = undefined;
    stream.pause();
    return stream;
  }

  /** Resolves when the other process has everything that was sent, when all is over, or at the timeout. */
  async flush(timeoutMs: number): Promise<void> {
    if (this.#isOver || !this.#survival || this.#outbox.length === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#onFlushed = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Ends all; what has been written still arrives if the end `isGentle`. */
  end(isGentle: boolean): void {
    this.#isOver = true;
    this.#heartbeat?.stop();
    clearTimeout(this.#giveUpTimer);
    if (isGentle) this.#leave();
    else this.#stream?.destroy();
    this.#onFlushed?.();
  }

  /** Lets what has been sent arrive, and leaves even if the other side never closes its end. */
  #leave(): void {
    const stream = this.#stream;
    if (!stream) return;
    stream.end();
    const timer = setTimeout(() => stream.destroy(), LINGER_MS).unref();
    stream.once('close', () => clearTimeout(timer));
  }

  #listen(stream: Duplex): void {
    this.#stream = stream;
    // A stream whose place another one has taken has nothing more to say.
    const unlessReplaced = (act: () => void): void => {
      if (this.#stream === stream) act();
    };
    stream.on('data', (chunk: Buffer) =>
      unlessReplaced(() => {
        this.#heartbeat?.heard();
        this.#calls.onBytes(chunk);
      }),
    );
    stream.on('end', () => unlessReplaced(() => this.lose('it closed the connection')));
    stream.on('error', (error) => unlessReplaced(() => this.lose(reasonOf(error))));
    stream.on('close', () => unlessReplaced(() => this.lose('the connection was closed')));
    // Whoever has read the first message of a stream has paused it.
    stream.resume();
  }

  #write(bytes: Uint8Array, done?: () => void): void {
    if (this.#stream && !this.#stream.destroyed) this.#stream.write(bytes, done);
    else if (done) queueMicrotask(done);
  }

  #sendAck(): void {
    this.#unacknowledgedBytes = 0;
    if (this.#stream && !this.#isOver) this.#write(encodeMessage('ack', this.came));
  }
}

/** Says in words why a stream has failed. */
export function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return 'it closed the connection';
  return `the connection failed: ${error.message}`;
}
