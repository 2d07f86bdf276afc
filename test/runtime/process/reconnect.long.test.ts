import { describe, expect, it } from 'vitest';
import type { Duplex } from 'node:stream';
import type {
  ConnectionFault,
  ConnectionTrouble,
} from '../../../src/lab/fuzz/processes/connection-fault.ts';
import { FaultProxy } from '../../../src/lab/fuzz/processes/fault-proxy.ts';
import { Generator } from '../../../src/random/generator.ts';
import { parseAddress } from '../../../src/runtime/process/address.ts';
import { Connection } from '../../../src/runtime/process/connection.ts';
import type { ReceivedReport } from '../../../src/runtime/process/received-guest.ts';
import { receive } from '../../../src/runtime/process/receiver.ts';
import { sendGuest } from '../../../src/runtime/process/sender.ts';
import { dial } from '../../../src/runtime/process/sockets.ts';
import type { RunReport } from '../../../src/runtime/report.ts';
import { loadScenarioText } from '../../../src/scenario/load.ts';
import { admitScenario, offerOf } from '../../../src/scenario/remote.ts';

const scenarioOf = (migration: string): string => `guest:
  memory: 8MiB
  vcpus: 1
  contents: [{ kind: random }]
  workloads: [{ pattern: uniform, rate: 2000 }]
link: { bandwidth: 4Gbit/s }
migration: { startAfter: 0s, runAfter: 10ms, ${migration} }
`;
const PATIENCE = { handshakeMs: 2000, setUpMs: 20_000, reconnectMs: 3000, silenceMs: 400 };
const PLAIN = { kind: 'plain' } as const;
const MIB = 1024 * 1024;

interface Ends {
  readonly report: RunReport;
  readonly received: ReceivedReport | undefined;
  readonly reasons: readonly string[];
}

/** Sends a guest over a proxy with faults, to a receiver in this process. */
async function migrate(
  migration: string,
  faults: readonly ConnectionFault[],
  patience = PATIENCE,
): Promise<Ends> {
  const controller = new AbortController();
  const reasons: string[] = [];
  let received: ReceivedReport | undefined;
  let onPort: (port: number) => void = () => undefined;
  const listening = new Promise<number>((resolve) => void (onPort = resolve));
  const ended = receive({
    address: parseAddress('127.0.0.1:0'),
    security: PLAIN,
    limits: { memoryBytes: 8 * MIB, vcpus: 1, migrations: 1 },
    once: true,
    patience,
    admit: admitScenario,
    signal: controller.signal,
    onListening: (at) => onPort(at.kind === 'tcp' ? at.port : 0),
    onTurnedAway: (_, reason) => void reasons.push(reason),
    onEnd: (_, one) => void (received = one),
  });
  const proxy = await FaultProxy.open({
    targetPort: await listening,
    connections: [faults],
    refusals: 1,
    random: new Generator(1),
  });
  const { scenario, config } = loadScenarioText('test', scenarioOf(migration));
  const address = parseAddress(`127.0.0.1:${proxy.port}`);
  const redial = (timeoutMs: number): Promise<Duplex> => dial(address, PLAIN, timeoutMs);
  try {
    const report = await sendGuest(
      {
        config,
        offered: offerOf(scenario),
        id: 'ab'.repeat(16),
        connection: new Connection(await redial(1000), 'receiver'),
        redial,
        facts: { to: 'proxy', transport: 'tcp', security: 'plain' },
      },
      { patience },
    );
    await ended;
    return { report, received, reasons };
  } finally {
    controller.abort();
    await proxy.close();
  }
}

const LOST = { kind: 'lost' } as const;
const at = (
  afterBytes: number,
  happens: ConnectionTrouble = LOST,
  direction: ConnectionFault['direction'] = 'forward',
): ConnectionFault => ({ direction, afterBytes, happens });

describe('a migration whose connection is lost', () => {
  it.each([
    ['precopy', at(3 * MIB)],
    ['precopy', at(5 * MIB, { kind: 'half-open' })],
    ['postcopy', at(3 * MIB)],
    ['precopy', at(1500, LOST, 'backward')],
  ])('goes on over another one and is proved: %s, %j', async (algorithm, fault) => {
    const { report, received } = await migrate(`algorithm: ${algorithm}`, [fault]);
    expect(report.source).toMatchObject({ outcome: 'completed', guestLost: false });
    expect(report.proof).toMatchObject({ ok: true });
    expect(report.connection!.losses).toHaveLength(1);
    // A post-copy finds out what is missing from what the destination has.
    expect(report.source.postcopy?.pauses?.length).toBe(algorithm === 'postcopy' ? 1 : undefined);
    expect(received).toMatchObject({ outcome: 'completed', ran: true, sender: { verify: 'ok' } });
  });
});
