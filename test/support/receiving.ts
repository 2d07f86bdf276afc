import { parseAddress } from '../../src/runtime/process/address.ts';
import { type ReceiveOptions, receive } from '../../src/runtime/process/receiver.ts';
import { admitScenario } from '../../src/scenario/remote.ts';

/** A receiver in this process. */
export interface Receiving {
  readonly port: number;
  /** Ends it, and resolves when it has ended. */
  stop(): Promise<void>;
}

/** Starts a receiver on a free port of the loopback; it takes guests of 32 MiB and two vCPUs, unless `options` say otherwise. */
export async function startReceiving(options: Partial<ReceiveOptions> = {}): Promise<Receiving> {
  const controller = new AbortController();
  let ended: Promise<void>;
  const port = await new Promise<number>((resolve, reject) => {
    ended = receive({
      address: parseAddress('127.0.0.1:0'),
      security: { kind: 'plain' },
      limits: { memoryBytes: 32 * 1024 * 1024, vcpus: 2, migrations: 1 },
      once: false,
      admit: admitScenario,
      signal: controller.signal,
      onListening: (at) => resolve(at.kind === 'tcp' ? at.port : 0),
      ...options,
    });
    ended.catch(reject);
  });
  return {
    port,
    async stop() {
      controller.abort();
      await ended;
    },
  };
}
