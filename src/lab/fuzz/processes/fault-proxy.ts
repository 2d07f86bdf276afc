import {
  type AddressInfo,
  createConnection,
  createServer,
  type Server,
  type Socket,
} from 'node:net';
import type { Generator } from '../../../random/generator.ts';
import type { ConnectionFault, ConnectionTrouble } from './connection-fault.ts';
import { FaultyDirection } from './faulty-direction.ts';

/** A proxy's connections: which faults they have, and where they lead. */
export interface FaultProxyOptions {
  readonly targetPort: number;
  /** The faults of each connection, in the order in which they are made; later ones have none. */
  readonly connections: readonly (readonly ConnectionFault[])[];
  /** How many connections are turned away after the first one. */
  readonly refusals: number;
  /** Draws the lengths of jitter. */
  readonly random: Generator;
}

/**
 * Stands between two processes that are connected by TCP on this machine, and makes their connections fail as planned.
 * Faults are due after a number of bytes and not at a time, so that a busy machine sees the same ones.
 */
export class FaultProxy {
  readonly #options: FaultProxyOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** The faults that have happened, by kind. */
  readonly happened: string[] = [];
  #connections = 0;
  #refused = 0;

  private constructor(options: FaultProxyOptions) {
    this.#options = options;
    this.#server = createServer((client) => this.#accept(client));
  }

  /** Starts a proxy on a free port of 127.0.0.1. */
  static async open(options: FaultProxyOptions): Promise<FaultProxy> {
    const proxy = new FaultProxy(options);
    await new Promise<void>((resolve, reject) => {
      proxy.#server.once('error', reject);
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** How many connections were let through. */
  get connections(): number {
    return this.#connections;
  }

  /** Closes the proxy and all of its connections. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #accept(client: Socket): void {
    const { connections, refusals, targetPort } = this.#options;
    this.#keep(client);
    if (this.#connections > 0 && this.#refused < refusals) {
      this.#refused++;
      client.destroy();
      return;
    }
    const faults = connections[this.#connections++] ?? [];
    const server = createConnection({ host: '127.0.0.1', port: targetPort });
    this.#keep(server);
    server.once('error', () => client.destroy());
    server.once('connect', () => this.#connect(client, server, faults));
  }

  #connect(client: Socket, server: Socket, faults: readonly ConnectionFault[]): void {
    const { random } = this.#options;
    let isSilent = false;
    const direct = (direction: ConnectionFault['direction'], from: Socket, to: Socket): void => {
      const onFault = ({ kind }: ConnectionTrouble): void => {
        this.happened.push(kind);
        isSilent ||= kind === 'half-open';
        if (kind === 'lost' || kind === 'half-open') client.destroy();
        if (kind === 'lost') server.destroy();
        if (kind === 'cut') to.end();
      };
      const onSourceEnd = (isClean: boolean): void => {
        if (isSilent) return;
        if (isClean) to.end();
        else to.destroy();
      };
      const own = faults.filter((fault) => fault.direction === direction);
      void new FaultyDirection({ from, to, faults: own, random, onFault, onSourceEnd }).pump();
    };
    direct('forward', client, server);
    direct('backward', server, client);
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
  }
}
