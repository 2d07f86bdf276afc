import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../clock/clock.ts';
import type { Connection } from './connection.ts';
import {
  type BodyOf,
  decodeMessage,
  encodeMessage,
  type Message,
  MESSAGE_HEADER_BYTES,
  MESSAGE_MAGIC,
  mostBytesOf,
  nameOfType,
} from './messages.ts';
import { isCodeOf, resumeCode } from './resume-code.ts';

/** What a sender needs to connect again. */
export interface ReconnectParts {
  readonly connection: Connection;
  readonly id: string;
  readonly secret: Uint8Array;
  /** Makes another connection to the receiver within a time; rejects when it can't. */
  readonly redial: (timeoutMs: number) => Promise<Duplex>;
  /** One attempt may take so long. */
  readonly attemptMs: number;
}

/** Attempts follow one another after these times: soon at first, since most faults are short. */
const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 1000;

/** The receiver has answered, and the migration does not go on. */
class Gone extends Error {
  override readonly name = 'Gone';
  readonly ran: boolean | undefined;

  constructor(sentence: string, ran?: boolean) {
    super(sentence);
    this.ran = ran;
  }
}

/** Connects to a receiver again whenever the connection is lost, until the connection's own time for that is over. */
class Reconnector {
  readonly #parts: ReconnectParts;
  #attempt = 0;
  #isBusy = false;

  constructor(parts: ReconnectParts) {
    this.#parts = parts;
  }

  /** Tries until a new stream has taken the place of the lost one, or the connection has ended. */
  async run(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    const { connection } = this.#parts;
    for (let pauseMs = FIRST_PAUSE_MS; !connection.ended && !connection.stands;) {
      const isBack = await this.#try().catch((error: unknown) => this.#note(error));
      if (isBack) continue;
      await sleep(pauseMs);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
    this.#isBusy = false;
  }

  /** Ends the connection if the receiver has said that it is of no use to go on. */
  #note(error: unknown): boolean {
    if (error instanceof Gone) this.#parts.connection.giveUp(error.message, error.ran);
    return false;
  }

  /** Connects and resumes; returns whether that has worked. */
  async #try(): Promise<boolean> {
    const { connection, redial, id, secret, attemptMs } = this.#parts;
    const stream = await redial(attemptMs);
    const timer = setTimeout(() => stream.destroy(), attemptMs);
    try {
      const attempt = ++this.#attempt;
      const { came, isAfresh: afresh } = connection;
      const code = resumeCode(secret, { id, attempt, from: 'sender', came, afresh });
      stream.write(encodeMessage('resume', { id, attempt, came, afresh, code }));
      const answer = await readMessage(stream);
      if (answer.name === 'gone') throw new Gone(answer.body.sentence, answer.body.ran);
      if (answer.name !== 'resumed') throw new Error(`it answered with ${answer.name}`);
      const claim = { id, attempt, from: 'receiver', came: answer.body.came, afresh } as const;
      if (!isCodeOf(answer.body.code, secret, claim))
        throw new Error('it does not know the secret');
      if (!connection.ended && connection.takeUp(stream, answer.body.came)) return true;
      throw new Error('the connection has ended meanwhile');
    } catch (error) {
      stream.destroy();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Lets a sender's connection survive losses as the receiver has granted, with new streams if there is a way to get any. */
export function surviveLosses(
  connection: Connection,
  granted: NonNullable<BodyOf<'accept'>['survival']>,
  clock: Clock,
  withinMs: () => number,
  parts?: ReconnectParts,
): void {
  const again = parts && new Reconnector(parts);
  connection.survive({
    silenceMs: granted.silenceMs,
    isReplaced: parts !== undefined && granted.withinMs > 0,
    withinMs: () => Math.min(granted.withinMs, withinMs()),
    clock,
    onLost: () => void again?.run(),
  });
}

/** Reads one message of a stream, which is paused then, and leaves what follows it there. Rejects when anything else comes. */
function readMessage(stream: Duplex): Promise<Message> {
  let bytes: Buffer = Buffer.alloc(0);
  return new Promise((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      bytes = Buffer.concat([bytes, chunk]);
      try {
        const length = lengthOf(bytes);
        if (bytes.length < length) return;
        stream.off('data', take);
        stream.pause();
        if (bytes.length > length) stream.unshift(bytes.subarray(length));
        resolve(decodeMessage(kindOf(bytes), bytes.subarray(0, length)));
      } catch (error) {
        reject(error);
      }
    };
    stream.on('data', take);
    stream.on('error', reject);
    stream.on('close', () => reject(new Error('it closed the connection')));
  });
}

/** Returns the length of the message that begins with these bytes, as far as that is known. */
function lengthOf(bytes: Buffer): number {
  if (bytes.length < MESSAGE_HEADER_BYTES) return MESSAGE_HEADER_BYTES;
  kindOf(bytes);
  return bytes.readUInt32LE(8);
}

function kindOf(header: Buffer): Message['name'] {
  const kind = nameOfType(header.readUInt16LE(6));
  const length = header.readUInt32LE(8);
  const isMessage = header.readUInt32LE(0) === MESSAGE_MAGIC;
  if (isMessage && kind && length >= MESSAGE_HEADER_BYTES && length <= mostBytesOf(kind))
    return kind;
  throw new Error('it does not speak the protocol of Pageferry');
}
