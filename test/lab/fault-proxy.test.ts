import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type {
  ConnectionFault,
  ConnectionTrouble,
} from '../../src/lab/fuzz/processes/connection-fault.ts';
import { FaultProxy } from '../../src/lab/fuzz/processes/fault-proxy.ts';
import { Generator } from '../../src/random/generator.ts';

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const SENT = Buffer.from(Array.from({ length: 50_000 }, (_, i) => i & 0xff));

/** What a server has got, and how its connection and the client's ended. */
interface Ends {
  readonly got: Buffer;
  readonly serverEnd: string;
  readonly clientEnd: string;
  readonly happened: readonly string[];
}

/** Sends bytes through a proxy with these faults; resolves when the server's or else the client's connection is over. */
async function send(happens: ConnectionTrouble, afterBytes = 20_000): Promise<Ends> {
  const fault: ConnectionFault = { direction: 'forward', afterBytes, happens };
  const chunks: Buffer[] = [];
  let server: Promise<string> | undefined;
  const sockets: Socket[] = [];
  const listening = createServer((socket) => {
    sockets.push(socket);
    socket.on('data', (chunk) => chunks.push(chunk));
    server = endOf(socket);
    socket.on('end', () => socket.end());
  });
  await new Promise<void>((resolve) => {
    listening.listen(0, '127.0.0.1', resolve);
  });
  closing.push(() => new Promise<void>((resolve) => void listening.close(() => resolve())));
  closing.push(() => sockets.forEach((socket) => socket.destroy()));
  const { port: targetPort } = listening.address() as AddressInfo;
  const proxy = await FaultProxy.open({
    targetPort,
    connections: [[fault]],
    refusals: 0,
    random: new Generator(1),
  });
  closing.push(() => proxy.close());
  const client = createConnection({ host: '127.0.0.1', port: proxy.port });
  const clientEnd = endOf(client);
  client.end(SENT);
  client.resume();
  const ended = await clientEnd;
  const serverEnd = happens.kind === 'half-open' ? 'open' : await server!;
  return { got: Buffer.concat(chunks), serverEnd, clientEnd: ended, happened: proxy.happened };
}

const endOf = (socket: Socket): Promise<string> =>
  new Promise((resolve) => {
    let how = 'cut off';
    socket.on('end', () => (how = 'ended'));
    socket.on('error', (error: NodeJS.ErrnoException) => (how = error.code ?? 'error'));
    socket.on('close', () => resolve(how));
  });

describe('a proxy whose connections fail as planned', () => {
  it.each<ConnectionTrouble>([
    { kind: 'stall', forMs: 1 },
    { kind: 'jitter', forMs: 1 },
    { kind: 'rate', bytesPerSecond: 5e7 },
    { kind: 'call', act: () => undefined },
  ])('passes every byte with $kind', async (happens) => {
    const { got, serverEnd, happened } = await send(happens);
    expect(got.equals(SENT)).toBe(true);
    expect([serverEnd, happened]).toEqual(['ended', [happens.kind]]);
  });

  it('turns one bit round', async () => {
    const { got } = await send({ kind: 'flip', bit: 3 });
    const other = [...got.keys()].filter((i) => got[i] !== SENT[i]);
    expect([got.length, other]).toEqual([SENT.length, [20_000]]);
    expect(got[20_000]).toBe(SENT[20_000]! ^ 8);
  });

  it('repeats the last bytes, and leaves others out', async () => {
    const again = Buffer.concat([SENT.subarray(0, 20_000), SENT.subarray(19_900)]);
    expect((await send({ kind: 'repeat', bytes: 100 })).got.equals(again)).toBe(true);
    const gap = Buffer.concat([SENT.subarray(0, 20_000), SENT.subarray(20_100)]);
    expect((await send({ kind: 'gap', bytes: 100 })).got.equals(gap)).toBe(true);
  });

  it('ends a direction in the middle', async () => {
    const { got, serverEnd } = await send({ kind: 'cut' });
    expect([got.length, serverEnd]).toEqual([20_000, 'ended']);
  });

  it('loses a connection, which both ends learn', async () => {
    const lost = await send({ kind: 'lost' });
    expect(lost.got.length).toBeLessThanOrEqual(20_000);
    expect(lost.happened).toEqual(['lost']);
  });

  it('closes one end and says nothing to the other', async () => {
    const { serverEnd, happened } = await send({ kind: 'half-open' });
    expect([serverEnd, happened]).toEqual(['open', ['half-open']]);
  });

  it('turns later connections away for a while', async () => {
    const proxy = await FaultProxy.open({
      targetPort: 1,
      connections: [],
      refusals: 2,
      random: new Generator(1),
    });
    closing.push(() => proxy.close());
    for (let i = 0; i < 3; i++) {
      const client = createConnection({ host: '127.0.0.1', port: proxy.port });
      client.resume();
      await endOf(client);
    }
    expect(proxy.connections).toBe(1);
  });
});
