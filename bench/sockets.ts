import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { connect as tlsConnect, createServer as tlsCreateServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { loadScenarioText } from '../dist/scenario/load.js';
import { admitScenario, offerOf } from '../dist/scenario/remote.js';
import { parseAddress } from '../dist/runtime/process/address.js';
import { Connection } from '../dist/runtime/process/connection.js';
import { receive } from '../dist/runtime/process/receiver.js';
import { clientOptions, type Security, serverOptions } from '../dist/runtime/process/security.js';
import { sendGuest } from '../dist/runtime/process/sender.js';
import { dial } from '../dist/runtime/process/sockets.js';
import { isToy, median, printTable } from './report.ts';

/**
 * Measures a stop-and-copy without a rate limit between two processes over the loopback, beside a plain copy of as many
 * bytes over a socket between two processes: one writes a buffer over and over, and the other copies what comes into
 * another one. Both take turns. The time of a migration is that of its pages and its handover.
 */

const MIB = 1024 * 1024;
const GUEST_BYTES = (isToy ? 64 : 1024) * MIB;
const REPEATS = isToy ? 1 : 5;
const SCRIPT = fileURLToPath(import.meta.url);
const KEY = Buffer.alloc(32, 7);
/** The bytes of one write of the plain copy, as many as a frame has. */
const WRITE_BYTES = 128 * 1024;

type Kind = 'plain' | 'psk';

const securityOf = (kind: Kind): Security =>
  kind === 'plain' ? { kind } : { kind: 'psk', key: KEY };

const scenarioOf = (integrity: string): string =>
  JSON.stringify({
    guest: {
      memory: GUEST_BYTES,
      vcpus: 1,
      dirtyLog: 'none',
      contents: [{ kind: 'random' }],
      workloads: [],
    },
    link: { bandwidth: 'unlimited', integrity },
    migration: { algorithm: 'stop-and-copy', startAfter: '20ms', runAfter: '0s' },
  });

/** The process that receives: migrations and plain copies, each on a port of its own. */
async function child(kind: Kind): Promise<void> {
  const target = Buffer.from(new SharedArrayBuffer(4 * MIB));
  const take = (socket: Socket): void => {
    let taken = 0;
    socket.on('data', (chunk) => {
      target.set(chunk, taken % (4 * MIB - chunk.length));
      taken += chunk.length;
      if (taken === GUEST_BYTES) socket.end('done');
    });
  };
  const security = securityOf(kind);
  const server =
    security.kind === 'plain' ? createServer(take) : tlsCreateServer(serverOptions(security), take);
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  console.log((server.address() as { port: number }).port);
  await receive({
    address: parseAddress('127.0.0.1:0'),
    security,
    limits: { memoryBytes: Infinity, vcpus: 1, migrations: 1 },
    once: false,
    admit: admitScenario,
    onListening: (at) => console.log((at as { port: number }).port),
    onTurnedAway: (_, reason) => console.error(reason),
  });
}

/** Returns the GB/s of a plain copy over a socket. */
async function copySpeed(kind: Kind, port: number): Promise<number> {
  const security = securityOf(kind);
  const place = { port, host: '127.0.0.1' };
  const socket: Socket =
    security.kind === 'plain'
      ? connect(place)
      : tlsConnect({ ...place, ...clientOptions(security, undefined) });
  const event = security.kind === 'plain' ? 'connect' : 'secureConnect';
  await new Promise((resolve) => void socket.once(event, resolve));
  const source = Buffer.from(new SharedArrayBuffer(4 * MIB));
  randomBytes(4 * MIB).copy(source);
  const startNs = process.hrtime.bigint();
  for (let sent = 0; sent < GUEST_BYTES; sent += WRITE_BYTES) {
    const at = sent % (4 * MIB);
    await new Promise(
      (resolve) => void socket.write(source.subarray(at, at + WRITE_BYTES), resolve),
    );
  }
  await new Promise((resolve) => void socket.once('data', resolve));
  socket.destroy();
  return GUEST_BYTES / Number(process.hrtime.bigint() - startNs);
}

/** Returns the GB/s of a migration. */
async function sendSpeed(kind: Kind, port: number, integrity: string): Promise<number> {
  const address = parseAddress(`127.0.0.1:${port}`);
  const { scenario, config } = loadScenarioText('bench', scenarioOf(integrity));
  const socket = await dial(address, securityOf(kind), 10_000);
  const report = await sendGuest({
    config,
    offered: offerOf(scenario),
    id: randomBytes(16).toString('hex'),
    connection: new Connection(socket, 'receiver'),
    facts: { to: 'the other process', transport: 'tcp', security: kind },
  });
  const { source, proof } = report;
  if (source.outcome !== 'completed' || proof?.ok !== true) {
    throw new Error(`a run went wrong: ${source.error ?? 'it has no proof'}`);
  }
  return GUEST_BYTES / (source.endNs - source.startNs);
}

async function portsOf(process_: ChildProcess): Promise<number[]> {
  const ports: number[] = [];
  for await (const line of createInterface({ input: process_.stdout! })) {
    ports.push(Number(line));
    if (ports.length === 2) break;
  }
  return ports;
}

async function measure(kind: Kind): Promise<{ name: string; values: number[] }[]> {
  const receiver = spawn(process.execPath, [SCRIPT, ...process.argv.slice(2), `--child=${kind}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const name = kind === 'plain' ? 'plain TCP' : 'TLS 1.3 (PSK)';
  const copies = { name: `${name}: a plain copy`, values: [] as number[] };
  const header = { name: `${name}: send, integrity header`, values: [] as number[] };
  const full = { name: `${name}: send, integrity full`, values: [] as number[] };
  try {
    const [first, second] = await portsOf(receiver);
    for (let i = 0; i < REPEATS; i++) {
      copies.values.push(await copySpeed(kind, first!));
      header.values.push(await sendSpeed(kind, second!, 'header'));
      full.values.push(await sendSpeed(kind, second!, 'full'));
    }
  } finally {
    receiver.kill('SIGKILL');
  }
  return [copies, header, full];
}

const childFlag = process.argv.find((argument) => argument.startsWith('--child='));
if (childFlag === undefined) {
  const rows: string[][] = [];
  for (const kind of ['plain', 'psk'] as const) {
    const series = await measure(kind);
    const reference = median(series[0]!.values);
    for (const { name, values } of series) {
      rows.push([
        name,
        median(values).toFixed(2),
        Math.min(...values).toFixed(2),
        Math.max(...values).toFixed(2),
        (median(values) / reference).toFixed(2),
      ]);
    }
  }
  printTable(`stop-and-copy of ${GUEST_BYTES / MIB} MiB between two processes, no limit`, [
    ['', 'median GB/s', 'least', 'most', 'of a plain copy'],
    ...rows,
  ]);
} else {
  await child(childFlag.slice('--child='.length) as Kind);
}
