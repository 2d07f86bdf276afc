import { monotonicClock } from '../../clock/monotonic.ts';
import type { Connection } from './connection.ts';
import type { Patience } from './handshake.ts';
import { type BodyOf, ProtocolError } from './messages.ts';
import { isCodeOf, resumeCode } from './resume-code.ts';

/** A migration that its sender may resume over another connection. */
interface Resumable {
  readonly secret: Uint8Array;
  readonly connection: Connection;
  /** The number of the last attempt, so that none is good for a second time. */
  attempt: number;
}

/** How a migration has ended here, for a sender that comes back too late. */
interface Past {
  readonly secret: Uint8Array;
  readonly ran: boolean;
}

/** So many migrations are remembered once they are over. */
const MOST_PAST = 1024;
/** Whoever resumes without the secret hears the same as for a migration that there never was. */
const UNKNOWN = 'there is no such migration here';

/** The migrations of a receiver whose connections may be replaced, each by whoever knows its secret. */
export class Resumptions {
  readonly #patience: Patience;
  readonly #resumables = new Map<string, Resumable>();
  readonly #past = new Map<string, Past>();

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** Returns what of a sender's wishes for lost connections is granted; undefined if it has none. */
  grant({ survival }: BodyOf<'offer'>): BodyOf<'accept'>['survival'] {
    if (!survival) return undefined;
    const { reconnectMs, silenceMs } = this.#patience;
    return {
      withinMs: Math.min(survival.withinMs, reconnectMs),
      silenceMs: Math.max(1, Math.min(survival.silenceMs, silenceMs)),
    };
  }

  /** Lets a connection survive as it was granted. */
  begin(
    { id, survival }: BodyOf<'offer'>,
    connection: Connection,
    granted: BodyOf<'accept'>['survival'],
  ): void {
    if (!survival || !granted) return;
    this.#resumables.set(id, { secret: survival.secret, connection, attempt: 0 });
    // The sender may have known of the loss for longer, but this side waits for longer than it.
    const withinMs = granted.withinMs === 0 ? 0 : granted.withinMs + granted.silenceMs;
    connection.survive({
      silenceMs: granted.silenceMs,
      isReplaced: withinMs > 0,
      withinMs: () => withinMs,
      clock: monotonicClock(),
      onLost: () => undefined,
    });
  }

  /** Lets nobody resume a migration any more, since it is over. */
  end(id: string, ran: boolean): void {
    const one = this.#resumables.get(id);
    if (!one) return;
    this.#resumables.delete(id);
    this.#past.set(id, { secret: one.secret, ran });
    if (this.#past.size > MOST_PAST) this.#past.delete(this.#past.keys().next().value!);
  }

  /**
   * Has a stranger's connection take the place of the lost one of a migration. Returns why it does not, having told the
   * stranger; undefined if it does.
   */
  resume(body: BodyOf<'resume'>, stranger: Connection): string | undefined {
    const { id, attempt, came, afresh, code } = body;
    const claim = { id, attempt, from: 'sender', came, afresh } as const;
    const past = this.#past.get(id);
    if (past && isCodeOf(code, past.secret, claim)) {
      return this.#gone(stranger, 'the migration is over here', past.ran);
    }
    const one = this.#resumables.get(id);
    if (!one || !isCodeOf(code, one.secret, claim) || attempt <= one.attempt) {
      return this.#gone(stranger, UNKNOWN);
    }
    one.attempt = attempt;
    const { connection, secret } = one;
    if (afresh) connection.beginAfresh();
    const here = connection.came;
    const answer = resumeCode(secret, { id, attempt, from: 'receiver', came: here, afresh });
    stranger.send('resumed', { came: here, code: answer });
    const stream = stranger.surrender();
    try {
      if (connection.takeUp(stream, came)) return undefined;
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      connection.abort(error.message);
    }
    stream.destroy();
    return 'its migration does not go on';
  }

  #gone(stranger: Connection, sentence: string, ran?: boolean): string {
    stranger.send('gone', { sentence, ...(ran === undefined ? {} : { ran }) });
    return sentence;
  }
}
