import { randomInt } from 'node:crypto';
import type { Clock } from '../../clock/clock.ts';
import { monotonicClock, monotonicOrigin } from '../../clock/monotonic.ts';
import { CHOSEN_ENCODINGS } from '../../wire/encodings.ts';
import type { RunConfig } from '../config.ts';
import type { Connection } from './connection.ts';
import { type BodyOf, type Message, ProtocolError, VERSIONS } from './messages.ts';

/** What this program can do with a guest beyond version 1 of the protocol; a sender says which of them it needs. */
export const FEATURES: ReadonlySet<string> = new Set(['postcopy', 'devices', ...CHOSEN_ENCODINGS]);

/** Returns what a migration needs of its receiver beyond version 1 of the protocol. */
export function needsOf({ migration, guest }: RunConfig): string[] {
  const { algorithm, force, encodings } = migration;
  const mayPostcopy =
    algorithm === 'hybrid' || algorithm === 'postcopy' || force?.action === 'postcopy';
  return [
    ...(mayPostcopy ? ['postcopy'] : []),
    ...encodings.filter((one) => one !== 'zero'),
    ...(guest.devices ? ['devices'] : []),
  ];
}

/** Returns how long a post-copy waits for another connection, in ms; 0 if there is none or it doesn't wait. */
export function recoveryMs(config: RunConfig): number {
  const { recoverWithinNs = 0 } = config.migration;
  return needsOf(config).includes('postcopy') ? Math.ceil(recoverWithinNs / 1e6) : 0;
}

/** The other process can't take the guest; the message is its own sentence. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** How long each step of a handshake may take. */
export interface Patience {
  /** From the connection until the offer has come, and from the offer until the answer. */
  readonly handshakeMs: number;
  /** From the answer until both processes are ready. */
  readonly setUpMs: number;
  /** From the loss of a connection until another one stands in its place; 0 if none is to. */
  readonly reconnectMs: number;
  /** Without a sign of life for this long, a connection counts as lost. */
  readonly silenceMs: number;
}

export const PATIENCE: Patience = {
  handshakeMs: 10_000,
  setUpMs: 300_000,
  reconnectMs: 20_000,
  silenceMs: 10_000,
};

/** Returns the newest version that both sides speak, or undefined. */
export function commonVersion(
  [theirOldest, theirNewest]: readonly [number, number],
  [oldest, newest]: readonly [number, number] = VERSIONS,
): number | undefined {
  const version = Math.min(theirNewest, newest);
  return version >= Math.max(theirOldest, oldest) ? version : undefined;
}

const versionsOf = ([from, to]: readonly [number, number]): string =>
  from === to ? `version ${from}` : `versions ${from} to ${to}`;

/** Returns why an offer can't be taken, whatever its guest is; undefined when there is no reason. */
export function misfit({ versions, needs }: BodyOf<'offer'>): string | undefined {
  if (commonVersion(versions) === undefined) {
    return `it speaks ${versionsOf(VERSIONS)} of the protocol, the sender ${versionsOf(versions)}: use the same release on both sides`;
  }
  const missing = needs.filter((feature) => !FEATURES.has(feature));
  if (missing.length === 0) return undefined;
  return `it does not know ${missing.join(', ')}: use a newer release there`;
}

/** Offers a guest. Throws RefusedError, and what `Connection.expect` throws. */
export async function offer(
  connection: Connection,
  body: BodyOf<'offer'>,
  { handshakeMs }: Patience,
): Promise<BodyOf<'accept'>> {
  connection.send('offer', body);
  const answer = await connection.expect(['accept', 'refuse'], handshakeMs);
  if (answer.name === 'refuse') {
    connection.close();
    throw new RefusedError(answer.body.sentence);
  }
  return answer.body;
}

/** The most PINGs that are answered, so that nobody can have answers pile up. */
const MOST_PINGS = 64;

/** Returns a function that answers PINGs with the time of a clock. */
export function pongs(connection: Connection, clock: Clock): (message: Message) => boolean {
  let answered = 0;
  return (message) => {
    if (message.name !== 'ping' || ++answered > MOST_PINGS) return false;
    connection.send('pong', { number: message.body.number, atNs: clock.now() });
    return true;
  };
}

/** Two clocks compared over a connection. */
export interface Comparison {
  /** The origin of a monotonic clock here that reads what the other process' clock reads. */
  readonly origin: bigint;
  /** The shortest round trip; the clocks differ by half of it at most. */
  readonly roundTripNs: number;
}

const PINGS = 8;
const MOST_NUMBER = 2 ** 48 - 1;

/**
 * Compares the clock of this process with that of the other one, as NTP does (RFC 5905): the other clock was read
 * between PING and PONG, and is taken to have been read in the middle. The shortest round trip is the most exact one.
 */
export async function compareClocks(
  connection: Connection,
  { handshakeMs }: Patience,
): Promise<Comparison> {
  const origin = monotonicOrigin();
  const clock = monotonicClock(origin);
  let best = { roundTripNs: Infinity, aheadNs: 0 };
  for (let ping = 0; ping < PINGS; ping++) {
    // Nobody can answer before the question, or with answers of another connection.
    const number = randomInt(MOST_NUMBER);
    const sentNs = clock.now();
    connection.send('ping', { number });
    const { body } = await connection.expect(['pong'], handshakeMs);
    const roundTripNs = clock.now() - sentNs;
    if (body.number !== number) throw new ProtocolError('it answered another PING than that sent');
    if (roundTripNs >= best.roundTripNs) continue;
    best = { roundTripNs, aheadNs: body.atNs - (sentNs + roundTripNs / 2) };
  }
  return { origin: origin - BigInt(Math.round(best.aheadNs)), roundTripNs: best.roundTripNs };
}
