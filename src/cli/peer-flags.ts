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
}

export function addPeerOptions(command: Command): Command {
  return command
    .option('--cert <file>', 'TLS 1.3: the certificate of this side, PEM; with --key and --ca')
    .option('--key <file>', 'the key of the certificate, PEM')
    .option('--ca <file>', 'the certificate of whoever signs those of both sides, PEM')
    .option('--psk <file>', 'TLS 1.3 with a key that both sides have: 32 to 128 hex digits')
    .option('--plaintext', 'no TLS, even though others could reach the address')
    .option('--handshake-timeout <time>', 'the other side has this long to say who it is (10 s)');
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
export function patienceOf({ handshakeTimeout }: PeerFlags): Patience {
  if (handshakeTimeout === undefined) return PATIENCE;
  try {
    const handshakeMs = parseDuration(handshakeTimeout) / 1e6;
    if (handshakeMs >= 1 && handshakeMs <= 3_600_000) return { ...PATIENCE, handshakeMs };
  } catch {
    // What is no duration gets the same sentence.
  }
  return refuse('--handshake-timeout', `expected 1ms to 1h such as 10s, got "${handshakeTimeout}"`);
}
