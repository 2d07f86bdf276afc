import type { Command } from 'commander';
import {
  type Address,
  AddressError,
  formatAddress,
  isLocal,
  parseAddress,
} from '../runtime/process/address.ts';
import { type Patience, PATIENCE } from '../runtime/process/handshake.ts';
import { readSecurity, type Security, SecurityError } from '../runtime/process/security.ts';
import { InputError } from '../scenario/input-error.ts';
import { parseDuration } from '../units/duration.ts';

/** The options that `send` and `receive` have in common. */
export interface PeerFlags {
  readonly cert?: string;
  readonly key?: string;
  readonly ca?: string;
  readonly psk?: string;
  readonly plaintext?: boolean;
  readonly handshakeTimeout?: string;
  readonly reconnectTimeout?: string;
  readonly silenceTimeout?: string;
}

export function addPeerOptions(command: Command): Command {
  return command
    .option('--cert <file>', 'TLS 1.3: the certificate of this side, PEM; with --key and --ca')
    .option('--key <file>', 'the key of the certificate, PEM')
    .option('--ca <file>', 'the certificate of whoever signs those of both sides, PEM')
    .option('--psk <file>', 'TLS 1.3 with a key that both sides have: 32 to 128 hex digits')
    .option('--plaintext', 'no TLS, even though others could reach the address')
    .option('--handshake-timeout <time>', 'the other side has this long to say who it is (10 s)')
    .option('--reconnect-timeout <time>', 'a lost connection is replaced within this time (20 s)')
    .option('--silence-timeout <time>', 'a connection is lost without a sign of life for (10 s)');
}

const refuse = (place: string, sentence: string): never => {
  throw new InputError([{ place, key: '', sentence }]);
};

/** Returns the address that an option names. Throws InputError. */
export function addressOf(option: string, text: string): Address {
  try {
    return parseAddress(text);
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    return refuse(option, error.message);
  }
}

/** Returns how connections with an address are secured. Throws InputError when they would not be, but should. */
export function securityOf(flags: PeerFlags, address: Address): Security {
  let security: Security;
  try {
    security = readSecurity(flags);
  } catch (error) {
    if (!(error instanceof SecurityError)) throw error;
    throw new InputError([{ place: error.place, key: '', sentence: error.message }]);
  }
  const isBare = security.kind === 'plain' && !isLocal(address) && flags.plaintext !== true;
  if (!isBare) return security;
  return refuse(
    formatAddress(address),
    'others can reach this address: give --cert, --key and --ca, or --psk; --plaintext does without',
  );
}

/** Returns how patient this side is. Throws InputError. */
export function patienceOf(flags: PeerFlags): Patience {
  const { handshakeTimeout, reconnectTimeout, silenceTimeout } = flags;
  const { handshakeMs, reconnectMs, silenceMs } = PATIENCE;
  return {
    ...PATIENCE,
    handshakeMs: msOf('--handshake-timeout', handshakeTimeout, handshakeMs, '1ms'),
    reconnectMs: msOf('--reconnect-timeout', reconnectTimeout, reconnectMs, '0s'),
    silenceMs: msOf('--silence-timeout', silenceTimeout, silenceMs, '100ms'),
  };
}

/** Returns the whole milliseconds that an option says, at most an hour. Throws InputError. */
function msOf(option: string, text: string | undefined, fallback: number, least: string): number {
  if (text === undefined) return fallback;
  try {
    const ms = Math.ceil(parseDuration(text) / 1e6);
    if (ms >= parseDuration(least) / 1e6 && ms <= 3_600_000) return ms;
  } catch {
    // What is no duration gets the same sentence.
  }
  return refuse(option, `expected ${least} to 1h such as 10s, got "${text}"`);
}
