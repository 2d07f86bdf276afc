import { lstatSync, rmSync } from 'node:fs';
import { createServer, connect as netConnect, type Server, type Socket } from 'node:net';
import { connect as tlsConnect, createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { type Address, formatAddress } from './address.ts';
import { clientOptions, type Security, serverOptions } from './security.ts';

/** No connection could be made, or no socket listened to; the message says why. */
export class SocketError extends Error {
  override readonly name = 'SocketError';
}

/** A socket that listens. */
export interface Listener {
  /** Where it listens, with the port that the system chose for port 0. */
  readonly address: Address;
  /** Accepts no further connections; those that exist go on. */
  close(): void;
}

const placeOf = (address: Address): object =>
  address.kind === 'unix' ? { path: address.path } : { host: address.host, port: address.port };

/** The system asks a peer that is silent for so long whether it is still there. */
const KEEP_ALIVE_MS = 10_000;

/** Frames are large and messages small, and both are to leave at once. */
const prepared = <Stream extends Socket>(socket: Stream): Stream =>
  socket.setNoDelay(true).setKeepAlive(true, KEEP_ALIVE_MS);

/** What a listener calls. */
export interface ListenCalls {
  onConnection(socket: Socket): void;
  /** Called when somebody could not prove who they are, or did not finish to do so in time. */
  onStranger(reason: string): void;
}

/** What a listener has to be told. */
export interface ListenLimits {
  /** A TLS handshake takes at most so long. */
  readonly handshakeMs: number;
  /** There are so many connections at a time. */
  readonly mostConnections: number;
}

/** Listens for connections. Throws SocketError. */
export async function listen(
  address: Address,
  security: Security,
  limits: ListenLimits,
  calls: ListenCalls,
): Promise<Listener> {
  const server = serverOf(security, limits.handshakeMs, calls);
  server.maxConnections = limits.mostConnections;
  try {
    await open(server, address);
  } catch (error) {
    const isAbandoned = address.kind === 'unix' && (await isLeftBehind(address, error));
    const why = `can't listen on ${formatAddress(address)}: ${whyNot(error as Error)}`;
    if (!isAbandoned) throw new SocketError(why);
    rmSync(address.path);
    await open(server, address);
  }
  server.on('error', () => undefined);
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : 0;
  return {
    address: address.kind === 'tcp' ? { ...address, port } : address,
    close: () => void server.close(),
  };
}

function open(server: Server, address: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(placeOf(address), () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** Returns whether a Unix socket is there because a process was killed that listened to it. */
async function isLeftBehind(address: Address & { kind: 'unix' }, error: unknown): Promise<boolean> {
  if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') return false;
  if (lstatSync(address.path, { throwIfNoEntry: false })?.isSocket() !== true) return false;
  const socket = netConnect(placeOf(address) as never);
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(false));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'));
  }).then((isLeft) => {
    socket.destroy();
    return isLeft as boolean;
  });
}

function serverOf(security: Security, handshakeMs: number, calls: ListenCalls): Server {
  if (security.kind === 'plain') {
    return createServer((socket) => calls.onConnection(prepared(socket)));
  }
  const server = createTlsServer(
    { ...serverOptions(security), handshakeTimeout: handshakeMs },
    (socket) => calls.onConnection(prepared(socket)),
  );
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    socket.destroy();
    // A certificate that is refused shows here alone; the error is only that the connection ended.
    const refused = socket.authorizationError as unknown as string | null;
    calls.onStranger(
      refused ? `its certificate is not accepted (${refused})` : tlsReason(error, security),
    );
  });
  return server;
}

/** Connects within `timeoutMs`, TLS included. Throws SocketError. */
export async function dial(
  address: Address,
  security: Security,
  timeoutMs: number,
): Promise<Socket> {
  const host = address.kind === 'tcp' ? address.host : undefined;
  const [socket, ready]: [Socket, string] =
    security.kind === 'plain'
      ? [netConnect(placeOf(address) as never), 'connect']
      : [tlsConnect({ ...placeOf(address), ...clientOptions(security, host) }), 'secureConnect'];
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new SocketError(`can't connect to ${formatAddress(address)}: ${why}`));
    };
    const timer = setTimeout(() => fail(`no answer within ${timeoutMs / 1000} s`), timeoutMs);
    socket.once('error', (error) => fail(whyNot(error, security)));
    socket.once(ready, () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(prepared(socket));
    });
  });
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ENOENT: 'there is no such socket',
  EADDRINUSE: 'somebody listens there already',
  EADDRNOTAVAIL: 'this machine has no such address',
  EACCES: 'that is not allowed',
  ENOTFOUND: 'the host is not known',
  ECONNRESET: 'it closed the connection',
};

function whyNot(error: NodeJS.ErrnoException, security: Security = { kind: 'plain' }): string {
  return REASONS[error.code ?? ''] ?? tlsReason(error, security);
}

/** Says in words why a TLS handshake failed. */
function tlsReason({ message }: Error, security: Security): string {
  const first = message.split('\n')[0]!;
  const text = first.replace(/^[0-9A-F]+:error:[0-9A-F]+:SSL routines:[^:]*:/, '').split(':')[0]!;
  if (/wrong version number|http request/.test(text)) return 'it does not speak TLS';
  if (security.kind !== 'psk') return text;
  // OpenSSL's own words for it depend on the step in which it finds out.
  const isAboutKeys = /binder|illegal parameter|handshake failure|no shared|psk/i.test(text);
  return isAboutKeys ? 'the other side does not have the same pre-shared key' : text;
}
