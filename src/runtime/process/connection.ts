import type { Duplex } from 'node:stream';
import type { Clock } from '../../clock/clock.ts';
import type { Doorbell } from '../../memory/doorbell.ts';
import { toldSentence } from '../../wire/text.ts';
import type { Transfer } from '../common/stage.ts';
import type { AsyncDoorbell } from './async-doorbell.ts';
import { FrameSender, FrameTaker } from './frame-pumps.ts';
import {
  type BodyOf,
  decodeMessage,
  encodeMessage,
  type Message,
  type MessageName,
  ProtocolError,
  type Role,
  senderOf,
} from './messages.ts';
import { StreamReader } from './stream-reader.ts';

/** The connection of two processes has ended; its message says why. */
export class ConnectionEnded extends Error {
  override readonly name = 'ConnectionEnded';
}

/** The other process did not answer in time. */
export class TimeoutError extends ConnectionEnded {}

/** An engine's end of a transfer, whose frames a connection carries. */
export interface FrameEnd {
  /** The rings that the engine sends to and receives from. */
  readonly outgoing: Transfer['forward'];
  readonly incoming: Transfer['forward'];
  /** The engine's own doorbell, and the one that it rings when it has sent a frame or made room for one. */
  readonly engine: Doorbell;
  readonly bell: AsyncDoorbell;
  readonly clock: Clock;
  readonly windowBytes: number;
  /** Called once when the connection ends, or when the other process has said that no frame follows. */
  readonly onLastFrame: () => void;
}

/** What each process may send before a guest has been accepted. */
const FIRST: Readonly<Record<Role, readonly MessageName[]>> = {
  sender: ['offer', 'fail'],
  receiver: ['accept', 'refuse', 'fail'],
};
/** Messages that have come before anybody waits for them are kept, but no more than these. */
const MOST_WAITING = 8;
/** No sleep is longer than this, so that a lost wake-up can't hang a migration. */
const LONGEST_SLEEP_MS = 100;

/** What has been sent has this long to arrive when the connection has ended. */
const LINGER_MS = 1000;

interface Waiter {
  readonly names: readonly MessageName[];
  readonly resolve: (message: Message) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * One connection between two processes: a stream of bytes in each direction, in which messages stand between the frames
 * of one migration. Messages are sent and awaited here; frames move between the stream and the rings of an engine.
 * When the stream ends, everybody who waits hears why. A connection never comes back; another one may take its place at
 * the same rings.
 */
export class Connection {
  /** Called when the connection has ended, with the reason. */
  onEnd: ((reason: ConnectionEnded) => void) | undefined;
  /** Answers a message at once, in place of somebody who waits for it; returns whether it did. */
  onMessage: ((message: Message) => boolean) | undefined;
  readonly #stream: Duplex;
  readonly #peer: Role;
  readonly #reader: StreamReader;
  #first: readonly MessageName[] | undefined;
  readonly #waiting: Message[] = [];
  #waiter: Waiter | undefined;
  #carried: FrameEnd | undefined;
  #sender: FrameSender | undefined;
  #taker: FrameTaker | undefined;
  #mayTake = false;
  #hasAllFrames = false;
  #onFramesSent: (() => void) | undefined;
  /** Bytes for which there is no room yet. */
  #rest: Uint8Array | undefined;
  #end: ConnectionEnded | undefined;

  /** `peer` is what the other process is. Until a guest has been accepted, only the first messages are taken from it. */
  constructor(stream: Duplex, peer: Role) {
    this.#stream = stream;
    this.#peer = peer;
    this.#first = FIRST[peer];
    this.#reader = new StreamReader({
      frameRoom: (length) => this.#frameRoom(length),
      frame: (length) => this.#taker!.commit(length),
      admit: (kind) => this.#admit(kind),
      message: (kind, bytes) => this.#dispatch(decodeMessage(kind, bytes)),
    });
    stream.on('data', (chunk: Buffer) => this.#take(chunk));
    stream.on('end', () => this.fail('it closed the connection'));
    stream.on('error', (error: NodeJS.ErrnoException) => this.fail(reasonOf(error)));
    stream.on('close', () => this.fail('the connection was closed'));
  }

  /** Why the connection has ended; undefined while it stands. */
  get ended(): ConnectionEnded | undefined {
    return this.#end;
  }

  send<Name extends MessageName>(name: Name, body: BodyOf<Name>): void {
    if (this.#end || this.#stream.destroyed) return;
    if (name === 'accept') this.#first = undefined;
    this.#stream.write(encodeMessage(name, body));
  }

  /**
   * Resolves to the next message, which must have one of these names. Rejects with TimeoutError, ConnectionEnded, or
   * ProtocolError when something else comes; the connection has ended in each case.
   */
  async expect<Name extends MessageName>(
    names: readonly Name[],
    timeoutMs: number,
  ): Promise<Message<Name>> {
    const early = this.#waiting.shift();
    if (early) this.#tryTo(() => this.#checked(early, names));
    if (early && !this.#end) return early as Message<Name>;
    if (this.#end) throw this.#end;
    const message = await new Promise<Message>((resolve, reject) => {
      const timer = setTimeout(() => {
        const late = `${names.join(' or ').toUpperCase()} did not come within ${timeoutMs / 1000} s`;
        this.#finish(new TimeoutError(late));
      }, timeoutMs);
      this.#waiter = { names, resolve, reject, timer };
    });
    return message as Message<Name>;
  }

  /** Carries the frames of an engine from now on; those that come are taken after START. */
  carry(end: FrameEnd): void {
    const { outgoing, incoming, engine, clock, windowBytes } = end;
    this.#carried = end;
    this.#sender = new FrameSender(outgoing, engine, windowBytes, {
      write: (bytes, done) => this.#stream.write(bytes, done),
      begin: (helloAtNs) => this.#begin(helloAtNs),
      end: () => {
        this.send('close', {});
        this.#onFramesSent?.();
      },
    });
    this.#taker = new FrameTaker(incoming, engine, clock, windowBytes, (bytes) =>
      this.send('credit', { bytes }),
    );
    if (this.#end) this.#cutEngine();
    void this.#pump(end.bell);
  }

  /**
   * Tells the other process that no frame will follow, as the engine has ended; resolves when all of its frames have been
   * sent, or the connection has ended.
   */
  endFrames(): Promise<void> {
    if (this.#end || !this.#sender) return Promise.resolve();
    const sent = new Promise<void>((resolve) => void (this.#onFramesSent = resolve));
    this.#sender.end();
    return sent;
  }

  /** Ends the connection, and tells the other process why. */
  abort(sentence: string): void {
    this.send('fail', { sentence: toldSentence(sentence) });
    this.#finish(new ConnectionEnded(sentence), true);
  }

  /** Ends the connection; what has been sent still arrives. */
  close(): void {
    this.#finish(new ConnectionEnded('the connection was closed'), true);
  }

  /** Ends the connection for a reason that lies on the other side. */
  fail(reason: string): void {
    const within = this.#reader.isWithin ? ' in the middle of a message' : '';
    this.#finish(new ConnectionEnded(`${reason}${within}`));
  }

  #finish(reason: ConnectionEnded, isGentle = false): void {
    if (this.#end) return;
    this.#end = reason;
    if (isGentle) this.#leave();
    else this.#stream.destroy();
    this.#cutEngine();
    this.#release((waiter) => waiter.reject(reason));
    this.#carried?.bell.ring();
    this.#onFramesSent?.();
    this.onEnd?.(reason);
  }

  /** Lets what has been sent arrive, and leaves even if the other side never closes its end. */
  #leave(): void {
    this.#stream.end();
    const timer = setTimeout(() => this.#stream.destroy(), LINGER_MS).unref();
    this.#stream.once('close', () => clearTimeout(timer));
  }

  #cutEngine(): void {
    this.#sender?.stop();
    this.#noMoreFrames();
  }

  #noMoreFrames(): void {
    if (this.#hasAllFrames) return;
    this.#hasAllFrames = true;
    this.#carried?.onLastFrame();
  }

  #release(act: (waiter: Waiter) => void): void {
    const waiter = this.#waiter;
    if (!waiter) return;
    this.#waiter = undefined;
    clearTimeout(waiter.timer);
    act(waiter);
  }

  #take(chunk: Uint8Array): void {
    if (this.#end) return;
    const taken = this.#tryTo(() => this.#reader.push(chunk)) ?? chunk.length;
    this.#rest = taken < chunk.length ? chunk.subarray(taken) : undefined;
    if (this.#rest) this.#stream.pause();
  }

  /** Does what may find that the other process breaks the protocol, which ends the connection. */
  #tryTo<Result>(act: () => Result): Result | undefined {
    try {
      return act();
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.abort(error.message);
      return undefined;
    }
  }

  /** Goes on with bytes for which there was no room. */
  #takeRest(): void {
    const rest = this.#rest;
    if (!rest) return;
    this.#take(rest);
    if (!this.#rest) this.#stream.resume();
  }

  /** Moves frames whenever the engine rings, until the connection ends. */
  async #pump(bell: AsyncDoorbell): Promise<void> {
    while (!this.#end) {
      const sequence = bell.sequence();
      this.#sender!.pump();
      this.#takeRest();
      this.#taker!.pump();
      await bell.wait(sequence, LONGEST_SLEEP_MS);
    }
  }

  /** The sender says START before its first frame; from then on the receiver's frames are in turn, too. */
  #begin(helloAtNs: number): void {
    if (this.#peer === 'sender') return;
    this.send('start', { helloAtNs });
    this.#mayTake = true;
  }

  #startOf(helloAtNs: number): void {
    if (!this.#taker || this.#mayTake || this.#hasAllFrames)
      throw new ProtocolError('it sent START before its turn');
    this.#taker.anchor(helloAtNs);
    this.#mayTake = true;
  }

  #frameRoom(length: number): Uint8Array | undefined {
    if (!this.#mayTake || this.#hasAllFrames)
      throw new ProtocolError('it sent a frame out of turn');
    return this.#taker!.room(length);
  }

  #admit(kind: MessageName): void {
    const from = senderOf(kind);
    const isDue = from === this.#peer || from === 'both';
    if (!isDue || (this.#first && !this.#first.includes(kind))) {
      throw new ProtocolError(`it sent ${kind.toUpperCase()} before its turn`);
    }
    if (this.#waiting.length >= MOST_WAITING) throw new ProtocolError('it sends too many messages');
  }

  #dispatch(message: Message): void {
    if (message.name === 'credit') this.#creditOf(message.body.bytes);
    else if (message.name === 'close') this.#noMoreFrames();
    else if (message.name === 'fail') this.fail(message.body.sentence);
    else if (this.onMessage?.(message) !== true) {
      // What follows may have come with it, before anybody who waits for it can do anything.
      if (message.name === 'accept') this.#first = undefined;
      if (message.name === 'start') this.#startOf(message.body.helloAtNs);
      this.#hand(message);
    }
  }

  #creditOf(bytes: number): void {
    if (!this.#sender) throw new ProtocolError('it sent CREDIT before its turn');
    this.#sender.credit(bytes);
  }

  #hand(message: Message): void {
    const waiter = this.#waiter;
    if (!waiter) {
      this.#waiting.push(message);
      return;
    }
    const checked = this.#checked(message, waiter.names);
    this.#release(({ resolve }) => resolve(checked));
  }

  /** Returns the message. Throws ProtocolError when its name is none of those that are awaited. */
  #checked(message: Message, names: readonly MessageName[]): Message {
    if (names.includes(message.name)) return message;
    throw new ProtocolError(
      `it sent ${message.name.toUpperCase()} in place of ${names.join(' or ').toUpperCase()}`,
    );
  }
}

/** Says in words why a stream has failed. */
export function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE') return 'it closed the connection';
  return `the connection failed: ${error.message}`;
}
