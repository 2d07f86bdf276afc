import type { Duplex } from 'node:stream';
import { toldSentence } from '../../wire/text.ts';
import { Carriage, type FrameEnd } from './carriage.ts';
import { Lifeline, type Loss, type Survival } from './lifeline.ts';
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
import type { ItemCounts } from './outbox.ts';
import { StreamReader } from './stream-reader.ts';

/** The connection of two processes has ended; its message says why. */
export class ConnectionEnded extends Error {
  override readonly name = 'ConnectionEnded';
}

/** The other process did not answer in time. */
export class TimeoutError extends ConnectionEnded {}

/** What each process may send before a guest has been accepted. */
const FIRST: Readonly<Record<Role, readonly MessageName[]>> = {
  sender: ['offer', 'resume', 'fail'],
  receiver: ['accept', 'refuse', 'fail'],
};
/** Messages that are not kept, because a later one says all that they say. */
const UNCOUNTED: ReadonlySet<MessageName> = new Set(['ack', 'credit']);
/** Messages that have come before anybody waits for them are kept, but no more than these. */
const MOST_WAITING = 8;
interface Waiter {
  readonly names: readonly MessageName[];
  readonly resolve: (message: Message) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/**
 * One connection between two processes: a stream of bytes in each direction, in which messages stand between the frames
 * of one migration. Messages are sent and awaited here; frames move between the stream and the rings of an engine.
 * When the connection ends, everybody who waits hears why. Once it `survive`s, it does not end with its stream: another
 * stream may take its place.
 */
export class Connection {
  /** Called when the connection has ended, with the reason. */
  onEnd: ((reason: ConnectionEnded) => void) | undefined;
  /** Answers a message at once, in place of somebody who waits for it; returns whether it did. */
  onMessage: ((message: Message) => boolean) | undefined;
  readonly #line: Lifeline;
  readonly #peer: Role;
  #reader: StreamReader;
  #first: readonly MessageName[] | undefined;
  readonly #waiting: Message[] = [];
  #waiter: Waiter | undefined;
  #carriage: Carriage | undefined;
  /** Bytes for which there is no room yet. */
  #rest: Uint8Array | undefined;
  #end: ConnectionEnded | undefined;

  /** `peer` is what the other process is. Until a guest has been accepted, only the first messages are taken from it. */
  constructor(stream: Duplex, peer: Role) {
    this.#peer = peer;
    this.#first = FIRST[peer];
    this.#reader = this.#newReader();
    this.#line = new Lifeline(stream, {
      onBytes: (chunk) => this.#take(chunk),
      onLost: () => this.#lost(),
      onBack: () => this.#back(),
      onOver: (reason) => this.giveUp(reason),
      isFull: () => this.#rest !== undefined,
    });
  }

  #newReader(): StreamReader {
    return new StreamReader({
      frameRoom: (length) => this.#frameRoom(length),
      frame: (length) => {
        this.#carriage!.commit(length);
        this.#line.count('frames', length, false);
      },
      admit: (kind) => this.#admit(kind),
      message: (kind, bytes) => {
        this.#dispatch(decodeMessage(kind, bytes));
        if (!UNCOUNTED.has(kind)) this.#line.count('messages', bytes.length, true);
      },
    });
  }

  /** Why the connection has ended; undefined while it stands. */
  get ended(): ConnectionEnded | undefined {
    return this.#end;
  }

  send<Name extends MessageName>(name: Name, body: BodyOf<Name>): void {
    if (this.#end) return;
    if (name === 'accept') this.#first = undefined;
    const bytes = encodeMessage(name, body);
    if (UNCOUNTED.has(name)) this.#line.tell(bytes);
    else this.#line.sendMessage(bytes);
  }

  /** From now on silence ends the stream, and a new stream may take the place of one that has ended. */
  survive(survival: Survival): void {
    this.#line.survive(survival);
  }

  /** What has come here, which the other process needs to know for a new stream. */
  get came(): ItemCounts {
    return this.#line.came;
  }

  /** Every time without a stream. */
  get losses(): readonly Loss[] {
    return this.#line.losses;
  }

  /** Whether there is a stream now. */
  get stands(): boolean {
    return this.#line.stands;
  }

  /** Goes on over a new stream, if it can, whose other end has said what has come there. Throws ProtocolError. */
  takeUp(stream: Duplex, came: ItemCounts): boolean {
    return this.#line.takeUp(stream, came);
  }

  /** Ends, and lets go of the stream, which is another connection's from now on. */
  surrender(): Duplex {
    const stream = this.#line.surrender();
    this.#finish(new ConnectionEnded('its stream has gone to another connection'));
    return stream;
  }

  /** Resolves when the other process has everything that was sent, when the connection has ended, or at the timeout. */
  async flush(timeoutMs: number): Promise<void> {
    await this.#line.flush(timeoutMs);
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
        // A time without a stream has a limit of its own; a new stream begins this one anew.
        if (!this.#line.stands) return;
        const late = `${names.map((one) => one.toUpperCase()).join(' or ')} did not come within ${timeoutMs / 1000} s`;
        this.#finish(new TimeoutError(late));
      }, timeoutMs);
      this.#waiter = { names, resolve, reject, timer };
    });
    return message as Message<Name>;
  }

  /** Carries the frames of an engine from now on; those that come are taken after START. */
  carry(end: FrameEnd): void {
    const carriage = new Carriage(
      end,
      {
        frame: (bytes, done) => this.#line.sendFrame(bytes, done),
        credit: (bytes) => this.send('credit', { bytes }),
        start: (helloAtNs) => this.send('start', { helloAtNs }),
        close: () => this.send('close', {}),
        forgetFrames: () => this.#line.forgetFrames(),
        stands: () => this.#line.stands,
      },
      this.#peer === 'sender',
    );
    this.#carriage = carriage;
    if (this.#end) carriage.stop();
    void carriage.run(() => this.#takeRest());
  }

  /**
   * Tells the other process that no frame will follow, as the engine has ended; resolves when all of its frames have been
   * sent, or the connection has ended.
   */
  async endFrames(): Promise<void> {
    await this.#carriage?.endFrames();
  }

  /** Whether frames begin anew with the next stream, or do so now. */
  get isAfresh(): boolean {
    return this.#carriage?.isAfresh === true;
  }

  /** Has frames begin anew with the next stream: those under way are lost, and the engines find out what is missing. */
  beginAfresh(): void {
    this.#carriage?.beginAfresh();
  }

  #lost(): void {
    this.#rest = undefined;
    this.#carriage?.lost();
  }

  /** Ends the connection, and tells the other process why; a receiver may say whether the guest has run there. */
  abort(sentence: string, ran?: boolean): void {
    this.send('fail', {
      sentence: toldSentence(sentence),
      ...(ran === undefined ? {} : { ran }),
    });
    this.#finish(new ConnectionEnded(sentence), true);
  }

  /** Ends the connection; what has been sent still arrives. */
  close(): void {
    this.#finish(new ConnectionEnded('the connection was closed'), true);
  }

  /**
   * Ends the connection for a reason that lies on the other side. The engine hears it from a receiver that says that the
   * guest has not run there and never will.
   */
  giveUp(reason: string, ran?: boolean): void {
    const within = this.#reader.isWithin ? ' in the middle of a message' : '';
    if (ran === false && !this.#end) this.#carriage?.refuse(reason);
    this.#finish(new ConnectionEnded(`${reason}${within}`));
  }

  #finish(reason: ConnectionEnded, isGentle = false): void {
    if (this.#end) return;
    this.#end = reason;
    this.#line.end(isGentle);
    this.#carriage?.stop();
    this.#release((waiter) => waiter.reject(reason));
    this.onEnd?.(reason);
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
    if (this.#rest) this.#line.pause();
  }

  #back(): void {
    this.#reader = this.#newReader();
    this.#waiter?.timer.refresh();
    this.#carriage?.back();
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
    if (!this.#rest) this.#line.resume();
  }

  #frameRoom(length: number): Uint8Array | undefined {
    if (!this.#carriage) throw new ProtocolError('it sent a frame out of turn');
    return this.#carriage.room(length);
  }

  /** The frames that follow START need an engine here. */
  #startOf(helloAtNs: number): void {
    if (!this.#carriage) throw new ProtocolError('it sent START before its turn');
    this.#carriage.started(helloAtNs);
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
    else if (message.name === 'close') this.#carriage?.noMoreFrames();
    else if (message.name === 'ack') this.#line.acknowledge(message.body);
    else if (message.name === 'fail') this.giveUp(message.body.sentence, message.body.ran);
    else if (this.onMessage?.(message) !== true) {
      // What follows may have come with it, before anybody who waits for it can do anything.
      if (message.name === 'accept') this.#first = undefined;
      if (message.name === 'start') this.#startOf(message.body.helloAtNs);
      this.#hand(message);
    }
  }

  #creditOf(bytes: number): void {
    if (!this.#carriage) throw new ProtocolError('it sent CREDIT before its turn');
    this.#carriage.credit(bytes);
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
