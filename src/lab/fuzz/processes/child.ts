import { parseAddress } from '../../../runtime/process/address.ts';
import { Connection } from '../../../runtime/process/connection.ts';
import { receive } from '../../../runtime/process/receiver.ts';
import { sendGuest } from '../../../runtime/process/sender.ts';
import { dial } from '../../../runtime/process/sockets.ts';
import { loadScenarioText } from '../../../scenario/load.ts';
import { admitScenario, offerOf } from '../../../scenario/remote.ts';
import type { Order, SentEnd, Told } from './protocol.ts';

/**
 * The entry of the processes of a campaign. A process sends or receives one migration after the other, until it is
 * killed or the player is gone.
 */

const PLAIN = { kind: 'plain' } as const;
const tell = (told: Told): void => void process.send?.(told);

async function serve({ patience }: Order & { kind: 'receive' }): Promise<void> {
  await receive({
    address: parseAddress('127.0.0.1:0'),
    security: PLAIN,
    limits: { memoryBytes: 64 * 1024 * 1024, vcpus: 4, migrations: 4 },
    once: false,
    patience,
    admit: admitScenario,
    onListening: (at) => tell({ kind: 'listening', port: at.kind === 'tcp' ? at.port : 0 }),
    onStep: ({ id }, step) => {
      if (step === 'prepare') tell({ kind: 'admitted', id });
    },
    onEnd: ({ id }, { outcome, error, ran }) =>
      tell({ kind: 'received', id, outcome, ran, ...(error === undefined ? {} : { error }) }),
  });
}

async function send({ id, text, port, patience }: Order & { kind: 'send' }): Promise<SentEnd> {
  const { scenario, config } = loadScenarioText('drawn', text);
  const address = parseAddress(`127.0.0.1:${port}`);
  const redial = (timeoutMs: number) => dial(address, PLAIN, timeoutMs);
  const connection = new Connection(await redial(patience.handshakeMs), 'receiver');
  const {
    source,
    proof,
    connection: facts,
  } = await sendGuest(
    {
      config,
      offered: offerOf(scenario),
      id,
      connection,
      redial,
      facts: { to: 'the receiver', transport: 'tcp', security: 'plain' },
    },
    { patience },
  );
  return {
    kind: 'sent',
    id,
    outcome: source.outcome,
    ...(source.error === undefined ? {} : { error: source.error }),
    guestLost: source.guestLost,
    runsHere: facts!.runsHere,
    ...(proof ? { ok: proof.ok, proof: JSON.stringify(proof).slice(0, 500) } : {}),
    losses: facts!.losses?.length ?? 0,
    pauses: source.postcopy?.pauses?.length ?? 0,
  };
}

process.on('disconnect', () => process.exit(0));
process.on('message', (order: Order) => {
  if (order.kind === 'receive') {
    void serve(order);
    return;
  }
  const { id } = order;
  const refused = (error: unknown): SentEnd => ({
    kind: 'sent',
    id,
    refused: error instanceof Error ? `${error.name}: ${error.message}` : String(error),
  });
  void send(order).catch(refused).then(tell);
});
