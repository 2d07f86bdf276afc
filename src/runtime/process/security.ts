import { readFileSync } from 'node:fs';
import type { PeerCertificate, PSKCallbackNegotation, TLSSocket } from 'node:tls';

/** How the two processes make sure of one another. */
export type Security =
  | { readonly kind: 'plain' }
  | {
      readonly kind: 'certificates';
      readonly cert: Buffer;
      readonly key: Buffer;
      readonly ca: Buffer;
    }
  | { readonly kind: 'psk'; readonly key: Buffer };

/** The files from which a security comes, as options name them. */
export interface SecurityFiles {
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
  readonly psk?: string | undefined;
}

/** The files of a security can't be used; the message says why. */
export class SecurityError extends Error {
  override readonly name = 'SecurityError';
  /** The option and its file. */
  readonly place: string;

  constructor(place: string, message: string) {
    super(message);
    this.place = place;
  }
}

/** A pre-shared key has at least 128 bits, as shorter ones can be guessed, and fits what TLS takes (RFC 4279). */
const LEAST_KEY_BYTES = 16;
const MOST_KEY_BYTES = 64;
const PSK_IDENTITY = 'pageferry';

/** Reads the files of a security; without any, connections are plain. Throws SecurityError. */
export function readSecurity({ cert, key, ca, psk }: SecurityFiles): Security {
  const files = { '--cert': cert, '--key': key, '--ca': ca };
  const given = Object.entries(files).filter(([, file]) => file !== undefined);
  if (psk !== undefined) {
    if (given.length > 0) {
      throw new SecurityError(
        `--psk ${psk}`,
        `leave it out, or leave out ${given[0]![0]}: only one of the two is used`,
      );
    }
    return { kind: 'psk', key: readKey(psk) };
  }
  if (given.length === 0) return { kind: 'plain' };
  const missing = Object.entries(files).filter(([, file]) => file === undefined);
  if (missing.length > 0) {
    const names = missing.map(([name]) => name).join(' and ');
    throw new SecurityError(given[0]![0], `needs ${names} as well: both sides prove who they are`);
  }
  return {
    kind: 'certificates',
    cert: readFile('--cert', cert!),
    key: readFile('--key', key!),
    ca: readFile('--ca', ca!),
  };
}

function readFile(option: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no such file' : `it can't be read (${code})`;
    throw new SecurityError(`${option} ${path}`, why);
  }
}

/** Reads a key in hexadecimal digits, as `openssl rand -hex 32` writes it. */
function readKey(path: string): Buffer {
  const text = readFile('--psk', path).toString('latin1').trim();
  const isHex = /^(?:[0-9a-fA-F]{2})+$/.test(text);
  const bytes = text.length / 2;
  if (isHex && bytes >= LEAST_KEY_BYTES && bytes <= MOST_KEY_BYTES) return Buffer.from(text, 'hex');
  throw new SecurityError(
    `--psk ${path}`,
    `expected ${2 * LEAST_KEY_BYTES} to ${2 * MOST_KEY_BYTES} hexadecimal digits: make a key with "openssl rand -hex 32"`,
  );
}

/** Both sides speak TLS 1.3 and nothing older. */
const TLS_1_3 = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

/**
 * The suites for a pre-shared key, those that CPUs help with first. OpenSSL takes only suites with SHA-256 for a key that
 * a callback gives (its page on SSL_CTX_set_psk_client_callback says so).
 */
const PSK_SUITES = { ciphers: 'TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256' };

/** Returns the options of a TLS server, which takes nobody who can't prove who they are. */
export function serverOptions(security: Exclude<Security, { kind: 'plain' }>): object {
  if (security.kind === 'psk') {
    return {
      ...TLS_1_3,
      ...PSK_SUITES,
      pskCallback: (_socket: TLSSocket, identity: string): Buffer | null =>
        identity === PSK_IDENTITY ? security.key : null,
    };
  }
  const { cert, key, ca } = security;
  return { ...TLS_1_3, cert, key, ca, requestCert: true, rejectUnauthorized: true };
}

/**
 * Returns the options of a TLS client. The receiver's certificate has to be one of the CA and name the host, unless
 * `host` is undefined, as it is for a Unix socket.
 */
export function clientOptions(
  security: Exclude<Security, { kind: 'plain' }>,
  host: string | undefined,
): object {
  const noName = { checkServerIdentity: (): undefined => undefined };
  if (security.kind === 'psk') {
    const pskCallback = (): PSKCallbackNegotation => ({
      psk: security.key,
      identity: PSK_IDENTITY,
    });
    // Without these a stranger with a certificate of any authority in place of the key would be taken for the receiver.
    const noCertificate = {
      ca: [],
      checkServerIdentity: (_host: string, { raw }: Partial<PeerCertificate>): Error | undefined =>
        raw ? new Error('it has a certificate in place of the pre-shared key') : undefined,
    };
    return { ...TLS_1_3, ...PSK_SUITES, ...noCertificate, pskCallback, rejectUnauthorized: true };
  }
  const { cert, key, ca } = security;
  return {
    ...TLS_1_3,
    cert,
    key,
    ca,
    rejectUnauthorized: true,
    ...(host === undefined ? noName : { host }),
  };
}
