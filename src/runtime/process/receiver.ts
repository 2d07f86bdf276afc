import type { Socket } from 'node:net';
import { toldSentence } from '../../wire/text.ts';
import type { RunConfig } from '../config.ts';
import { type Address, formatAddress } from './address.ts';
import { Connection, ConnectionEnded } from './connection.ts';
import { commonVersion, misfit, type Patience, PATIENCE } from './handshake.ts';
import { type BodyOf, ProtocolError } from './messages.ts';
import {
  ReceivedGuest,
  receiveGuest,
  type ReceivedCalls,
  type ReceivedReport,
  type ReceivedStep,
} from './received-guest.ts';
import { Resumptions } from './resumptions.ts';
import type { Security } from './security.ts';
import { listen, type Listener } from './sockets.ts';

/** What a receiver takes at most. */
export interface ReceiverLimits {
  /** The memory of all guests that are here at a time, in bytes. */
  readonly memoryBytes: number;
  readonly vcpus: number;
  /** Migrations at a time. */
  readonly migrations: number;
}

/** A guest that somebody offers can't come here; the message is a sentence for the sender. */
export class NotAdmitted extends Error {
  override readonly name = 'NotAdmitted';
}

/** A migration as its receiver tells of it. */
export interface Received {
  /** Counts from 1. */
  readonly number: number;
  readonly id: string;
  readonly from: string;
  readonly guest: RunConfig['guest'];
}

export interface ReceiveOptions {
  readonly address: Address;
  readonly security: Security;
  readonly limits: ReceiverLimits;
  /** Whether the receiver ends after the first migration. */
  readonly once: boolean;
  readonly patience?: Patience;
  /**
   * Makes the configuration of a guest from a stranger's scenario; it must not read files that this names. Throws
   * NotAdmitted.
   */
  readonly admit: (offer: BodyOf<'offer'>, limits: ReceiverLimits) => RunConfig;
  /** Aborting it ends the receiver; a guest that runs here already finishes its run. */
  readonly signal?: AbortSignal;
  readonly beforeProof?: ReceivedCalls['beforeProof'];
  readonly onListening?: (address: Address) => void;
  /** Called when somebody came with whom there was no migration. */
  readonly onTurnedAway?: (from: string, reason: string) => void;
  readonly onStep?: (migration: Received, step: ReceivedStep) => void;
  readonly onEnd?: (migration: Received, report: ReceivedReport) => void;
}

/** Connections that have not made an offer yet, besides those of migrations. */
const MOST_STRANGERS = 16;

const MOST_IDS = 4096;
const NO_MEMORY = 'its machine has no memory for the guest now';

/** Listens for senders and takes their guests, until it is aborted or has served the one of `once`. Throws SocketError. */
export async function receive(options: ReceiveOptions): Promise<void> {
  await new Receiver(options).run();
}

class Receiver {
  readonly #options: ReceiveOptions;
  readonly #patience: Patience;
  readonly #connections = new Set<Connection>();
  readonly #guests = new Map<number, RunConfig['guest']>();
  readonly #serving = new Set<Promise<void>>();
  /** The last migrations, so that what somebody recorded of one can't be played again. */
  readonly #ids = new Set<string>();
  readonly #resumptions: Resumptions;
  /** Called when a place may have become free. */
  readonly #awaiting = new Set<() => void>();
  #count = 0;
  #isOver = false;
  #end: () => void = () => undefined;

  constructor(options: ReceiveOptions) {
    this.#options = options;
    this.#patience = options.patience ?? PATIENCE;
    this.#resumptions = new Resumptions(this.#patience);
  }

  async run(): Promise<void> {
    const { address, security, limits, signal } = this.#options;
    const ended = new Promise<void>((resolve) => void (this.#end = resolve));
    const listener: Listener = await listen(
      address,
      security,
      {
        handshakeMs: this.#patience.handshakeMs,
        mostConnections: limits.migrations + MOST_STRANGERS,
      },
      {
        onConnection: (socket) => this.#welcome(socket),
        onStranger: (reason) => this.#options.onTurnedAway?.('somebody', reason),
      },
    );
    this.#options.onListening?.(listener.address);
    const stop = (): void => this.#stop();
    if (signal?.aborted) stop();
    signal?.addEventListener('abort', stop, { once: true });
    await ended;
    listener.close();
    await Promise.all(this.#serving);
    signal?.removeEventListener('abort', stop);
  }

  #stop(): void {
    this.#isOver = true;
    for (const connection of this.#connections) connection.abort('the receiver was stopped');
    for (const look of this.#awaiting) look();
    this.#end();
  }

  #welcome(socket: Socket): void {
    const from = peerOf(socket, this.#options.address);
    const connection = new Connection(socket, 'sender');
    this.#connections.add(connection);
    const serving = this.#serve(connection, from).catch((error: unknown) => {
      connection.abort('the receiver failed');
      this.#options.onTurnedAway?.(from, error instanceof Error ? error.message : String(error));
    });
    this.#serving.add(serving);
    void serving.finally(() => {
      connection.close();
      this.#connections.delete(connection);
      this.#serving.delete(serving);
    });
  }

  async #serve(connection: Connection, from: string): Promise<void> {
    const offer = await this.#offerOf(connection, from);
    if (!offer) return;
    await this.#awaitTurn();
    if (connection.ended) {
      if (!this.#isOver) this.#options.onTurnedAway?.(from, connection.ended.message);
      return;
    }
    const admitted = this.#tryToAdmit(connection, from, offer);
    if (!admitted) return;
    const { migration, guest } = admitted;
    const { onEnd, signal, once } = this.#options;
    // From now on the guest decides what ends the connection.
    this.#connections.delete(connection);
    const survival = this.#resumptions.grant(offer);
    const version = commonVersion(offer.versions)!;
    connection.send('accept', { version, ...(survival ? { survival } : {}) });
    this.#resumptions.begin(offer, connection, survival);
    try {
      const report = await receiveGuest(guest, this.#patience, signal);
      this.#resumptions.end(offer.id, report.ran);
      onEnd?.(migration, report);
    } finally {
      this.#guests.delete(migration.number);
      for (const look of this.#awaiting) look();
      if (once) this.#stop();
    }
  }

  /** Waits for a while until there is a place, since the sender of the guest that has it may just be leaving. */
  async #awaitTurn(): Promise<void> {
    if (this.#hasPlace) return;
    await new Promise<void>((resolve) => {
      const look = (): void => {
        if (this.#hasPlace) end();
      };
      const end = (): void => {
        clearTimeout(timer);
        this.#awaiting.delete(look);
        resolve();
      };
      const timer = setTimeout(end, this.#patience.handshakeMs / 2);
      this.#awaiting.add(look);
    });
  }

  get #hasPlace(): boolean {
    return this.#isOver || this.#guests.size < this.#options.limits.migrations;
  }

  /** Returns the guest with its memory, or undefined when it does not fit here and its sender has been told so. */
  #tryToAdmit(
    connection: Connection,
    from: string,
    offer: BodyOf<'offer'>,
  ): { readonly migration: Received; readonly guest: ReceivedGuest } | undefined {
    const { onStep, beforeProof } = this.#options;
    try {
      const config = this.#admit(offer);
      const migration = { number: this.#count + 1, id: offer.id, from, guest: config.guest };
      const guest = new ReceivedGuest(connection, config, {
        ...(onStep ? { onStep: (step) => onStep(migration, step) } : {}),
        ...(beforeProof ? { beforeProof } : {}),
      });
      this.#count++;
      this.#ids.add(offer.id);
      if (this.#ids.size > MOST_IDS) this.#ids.delete(this.#ids.values().next().value!);
      this.#guests.set(migration.number, config.guest);
      return { migration, guest };
    } catch (error) {
      // A RangeError comes from memory that the system does not give.
      if (!(error instanceof NotAdmitted || error instanceof RangeError)) throw error;
      this.#refuse(connection, from, error instanceof NotAdmitted ? error.message : NO_MEMORY);
      return undefined;
    }
  }

  /** Returns what somebody offers, or undefined when no offer comes; a migration that is resumed is none. */
  async #offerOf(connection: Connection, from: string): Promise<BodyOf<'offer'> | undefined> {
    try {
      const first = await connection.expect(['offer', 'resume'], this.#patience.handshakeMs);
      if (first.name === 'offer') return first.body;
      const reason = this.#resumptions.resume(first.body, connection);
      if (reason !== undefined) this.#options.onTurnedAway?.(from, reason);
      return undefined;
    } catch (error) {
      if (!(error instanceof ConnectionEnded || error instanceof ProtocolError)) throw error;
      if (!this.#isOver) this.#options.onTurnedAway?.(from, error.message);
      return undefined;
    }
  }

  /** Returns the configuration of an offered guest. Throws NotAdmitted when it does not fit here now. */
  #admit(offer: BodyOf<'offer'>): RunConfig {
    const { limits, admit, once } = this.#options;
    const reason = misfit(offer);
    if (reason !== undefined) throw new NotAdmitted(reason);
    if (this.#ids.has(offer.id))
      throw new NotAdmitted('a migration of this id has been here already');
    if (once && this.#count > 0) throw new NotAdmitted('it takes one migration only');
    if (this.#guests.size >= limits.migrations) {
      throw new NotAdmitted('it is busy with another migration: try again when that has ended');
    }
    const usedBytes = [...this.#guests.values()].reduce((sum, one) => sum + one.memoryBytes, 0);
    return admit(offer, { ...limits, memoryBytes: limits.memoryBytes - usedBytes });
  }

  #refuse(connection: Connection, from: string, reason: string): void {
    connection.send('refuse', { sentence: toldSentence(reason) });
    this.#options.onTurnedAway?.(from, reason);
  }
}

function peerOf(socket: Socket, address: Address): string {
  const { remoteAddress, remotePort } = socket;
  if (address.kind === 'unix' || remoteAddress === undefined || remotePort === undefined)
    return 'the socket';
  return formatAddress({ kind: 'tcp', host: remoteAddress, port: remotePort });
}
