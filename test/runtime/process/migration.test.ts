import { connect, createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { memoryPool } from '../../../src/memory/memory-pool.ts';
import { Connection } from '../../../src/runtime/process/connection.ts';
import type { ReceivedReport } from '../../../src/runtime/process/received-guest.ts';
import { sendGuest } from '../../../src/runtime/process/sender.ts';
import type { RunReport } from '../../../src/runtime/report.ts';
import { loadScenarioText } from '../../../src/scenario/load.ts';
import { offerOf } from '../../../src/scenario/remote.ts';
import { type Receiving, startReceiving } from '../../support/receiving.ts';

const SCENARIO = `guest:
  memory: 16MiB
  vcpus: 1
  contents: [{ kind: random, zeroShare: 0.5 }]
  workloads: [{ pattern: uniform, rate: 5000, writes: 0.5 }]
link: { bandwidth: 4Gbit/s }
migration: { algorithm: hybrid, policy: rounds, rounds: 1, postcopyAfter: 1, startAfter: 30ms, runAfter: 30ms }
`;
const PAGE = 4096;
/** The byte that is changed at the receiver after the guest has stopped there, as if a migration had lost it. */
const [GFN, OFFSET] = [2500, 77];

/** One migration between two connections of this process, over a proxy that keeps what the sender sends. */
describe('a migration over sockets', () => {
  const sent: Buffer[] = [];
  const received: ReceivedReport[] = [];
  const reasons: string[] = [];
  let report: RunReport;
  const taken = vi.spyOn(memoryPool, 'take');
  const givenBack = vi.spyOn(memoryPool, 'giveBack');
  let receiving: Receiving;
  let proxy: Server;
  let before = 0;

  beforeAll(async () => {
    let onReceived: () => void = () => undefined;
    const isReceived = new Promise<void>((resolve) => void (onReceived = resolve));
    receiving = await startReceiving({
      onTurnedAway: (_, reason) => void reasons.push(reason),
      onEnd: (_, one) => {
        received.push(one);
        onReceived();
      },
      beforeProof: ([ram]) => {
        before = ram![GFN * PAGE + OFFSET]!;
        ram![GFN * PAGE + OFFSET] = before ^ 0x41;
      },
    });
    proxy = createServer((near) => {
      const far = connect(receiving.port, '127.0.0.1');
      near.on('data', (chunk) => void sent.push(Buffer.from(chunk)));
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve));
    const { scenario, config } = loadScenarioText('test', SCENARIO);
    const socket = connect((proxy.address() as { port: number }).port, '127.0.0.1');
    report = await sendGuest({
      config,
      offered: offerOf(scenario),
      id: 'ab'.repeat(16),
      connection: new Connection(socket, 'receiver'),
      facts: { to: 'proxy', transport: 'tcp', security: 'plain' },
    });
    await isReceived;
  });

  afterAll(async () => {
    proxy.close();
    await receiving.stop();
  });

  it('ends with the guest on the other side, where it has gone on', () => {
    const { source, destination, guest, connection, runtime } = report;
    expect({ runtime, outcome: source.outcome }).toEqual({
      runtime: 'processes',
      outcome: 'completed',
    });
    expect(destination?.outcome).toBe('completed');
    expect(source.postcopy).toBeDefined();
    const { pauseAskedNs, harvestedNs } = source.stop;
    const { pagesNs, stateNs, runningNs } = source.running!;
    // The clocks of both sides are one in this process, so that no time may be out of order.
    const times = [pauseAskedNs!, harvestedNs!, pagesNs, stateNs, runningNs];
    const error = connection!.roundTripNs / 2;
    for (let i = 1; i < times.length; i++) {
      expect(times[i]! - times[i - 1]!).toBeGreaterThanOrEqual(-error);
    }
    const atEnd = guest.timeline.findLast(({ ns }) => ns <= source.endNs)!.accesses;
    expect(guest.timeline.at(-1)!.accesses).toBeGreaterThan(atEnd);
  });

  it('finds the one byte that differs on the other side, and names it', () => {
    expect(report.proof).toMatchObject({
      kind: 'replay',
      ok: false,
      pagesCompared: 4096,
      differingPages: 1,
      firstDifference: { gfn: GFN, offset: OFFSET, expected: before, found: before ^ 0x41 },
      problems: [],
    });
    expect(received).toMatchObject([{ outcome: 'completed', sender: { verify: 'differs' } }]);
  });

  it('gives the memory of both sides back, for the next one', () => {
    expect(taken.mock.calls.length).toBeGreaterThanOrEqual(6);
    expect(givenBack.mock.calls.length).toBe(taken.mock.calls.length);
  });

  it('can not be played again by somebody who has recorded it', async () => {
    const all = Buffer.concat(sent);
    const offer = all.subarray(0, all.readUInt32LE(8));
    for (const bytes of [offer, all]) {
      const socket = connect(receiving.port, '127.0.0.1', () => void socket.write(bytes));
      socket.on('error', () => undefined).resume();
      await new Promise((resolve) => void socket.once('close', resolve));
    }
    expect(reasons).toEqual([
      'a migration of this id has been here already',
      'it sent PONG before its turn',
    ]);
    expect(received).toHaveLength(1);
  });
});
