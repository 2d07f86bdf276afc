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

/** Frames are large and messages small, and both are to leave at once. */
const withoutDelay = <Stream extends Socket>(socket: Stream): Stream => socket.setNoDelay(true);

/** What a listener calls. */
export interface ListenCalls {
  onConnection(socket: Socket): void;
  /** Called when somebody could not prove who they are, or did not finish to do so in time. */
  onStranger(reason: string): void;
}

/**
 * Listens for connections, at most `mostConnections` at a time. A TLS handshake takes at most `handshakeMs`. Throws
 * SocketError.
 */
export async function listen(
  address: Address,
  security: Security,
  limits: { readonly handshakeMs: number; readonly mostConnections: number },
  calls: ListenCalls,
): Promise<Listener> {
  const server = serverOf(security, limits.handshakeMs, calls);
  server.maxConnections = limits.mostConnections;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(new SocketError(`can't listen on ${formatAddress(address)}: ${whyNot(error)}`)),
    );
    server.listen(placeOf(address), resolve);
  });
  server.on('error', () => undefined);
  const bound = server.address();
  const port = typeof bound === 'object' && bound ? bound.port : 0;
  return {
    address: address.kind === 'tcp' ? { ...address, port } : address,
    close: () => void server.close(),
  };
}

function serverOf(security: Security, handshakeMs: number, calls: ListenCalls): Server {
  if (security.kind === 'plain') {
    return createServer((socket) => calls.onConnection(withoutDelay(socket)));
  }
  const server = createTlsServer(
    { ...serverOptions(security), handshakeTimeout: handshakeMs },
    (socket) => calls.onConnection(withoutDelay(socket)),
  );
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    socket.destroy();
    calls.onStranger(tlsReason(error));
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
    socket.once('error', (error: NodeJS.ErrnoException) => fail(whyNot(error)));
    socket.once(ready, () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(withoutDelay(socket));
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

function whyNot(error: NodeJS.ErrnoException): string {
  return REASONS[error.code ?? ''] ?? tlsReason(error);
}

/** Says in words why a TLS handshake failed. */
function tlsReason(error: NodeJS.ErrnoException): string {
  const { code = '', message } = error;
  if (/binder does not verify|PSK_IDENTITY|NO_SHARED|psk/i.test(`${code} ${message}`)) {
    return 'the pre-shared keys differ';
  }
  const text = message
    .split('\n')[0]!
    .replace(/^[0-9A-F]+:error:[0-9A-F]+:SSL routines:[^:]*:/, '');
  return text.split(':')[0]!;
}
