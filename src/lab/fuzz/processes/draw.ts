import { Generator } from '../../../random/generator.ts';
import type { Patience } from '../../../runtime/process/handshake.ts';
import type { ConnectionFault, ConnectionTrouble } from './connection-fault.ts';

/** What a process may be killed for. */
export type Victim = 'sender' | 'receiver';

/** A random migration between two processes, and the trouble of its connections. */
export interface DrawnProcesses {
  /** The scenario, as YAML. */
  readonly text: string;
  /** The faults of each connection, in the order in which they are made. */
  readonly connections: readonly (readonly DrawnFault[])[];
  /** How many attempts to connect again are turned away. */
  readonly refusals: number;
  readonly patience: Patience;
}

/** A fault of a connection; `kill` names the process that gets a SIGKILL. */
export interface DrawnFault extends Omit<ConnectionFault, 'happens'> {
  readonly happens:
    | Exclude<ConnectionTrouble, { kind: 'call' }>
    | { readonly kind: 'kill'; readonly victim: Victim };
}

const KIB = 1024;
const PAGE = 4 * KIB;
/** More attempts than any sender makes. */
const FOR_EVER = 1e9;

/** Times that suit small guests on a machine whose cores have much else to do. */
const PATIENCE: Patience = {
  handshakeMs: 10_000,
  setUpMs: 60_000,
  reconnectMs: 3000,
  silenceMs: 2000,
};

/** Draws a migration. The result is a function of the seed alone. */
export function drawProcesses(seed: number): DrawnProcesses {
  const random = new Generator(seed, 0x70726f63);
  const one = <Value>(values: readonly Value[]): Value => values[random.below(values.length)]!;
  const pages = 128 + random.below(512);
  const vcpus = 1 + random.below(2);
  const { algorithm, settings } = one(ALGORITHMS);
  const text = `guest:
  memory: ${pages * PAGE}
  vcpus: ${vcpus}
  contents: [{ kind: ${one(['random', 'text', 'mixed'])}, zeroShare: ${one([0, 0.3])} }]
  workloads: [{ pattern: ${one(['uniform', 'sequential'])}, rate: ${one([500, 5000, 50_000])}, writes: ${one([1, 0.5])} }]
link: { bandwidth: ${one(['200Mbit/s', '1Gbit/s', 'unlimited'])} }
migration: { algorithm: ${algorithm}, ${settings} startAfter: 0s, runAfter: ${one([5, 30])}ms, timeout: 15s${
    algorithm === 'postcopy' || algorithm === 'hybrid' ? ', postcopyRecoveryTimeout: 3s' : ''
  } }
`;
  // Not all pages are sent, and some are sent twice.
  const bytes = pages * PAGE;
  const connections = Array.from({ length: 1 + random.below(3) }, () =>
    Array.from({ length: 1 + random.below(2) }, () => drawFault(random, bytes)),
  );
  return { text, connections, refusals: one([0, 0, 1, 3, FOR_EVER]), patience: PATIENCE };
}

const ALGORITHMS = [
  { algorithm: 'precopy', settings: 'policy: rounds, rounds: 2,' },
  { algorithm: 'precopy', settings: 'policy: qemu,' },
  { algorithm: 'precopy', settings: 'policy: rounds, rounds: 2, encodings: [zero, xbzrle],' },
  { algorithm: 'stop-and-copy', settings: '' },
  { algorithm: 'hybrid', settings: 'policy: rounds, rounds: 2, postcopyAfter: 1,' },
  { algorithm: 'postcopy', settings: '' },
  { algorithm: 'postcopy', settings: '' },
] as const;

function drawFault(random: Generator, bytes: number): DrawnFault {
  const direction = random.below(3) === 0 ? 'backward' : 'forward';
  // Little goes backward, and what is about the end of a migration comes late.
  const most = direction === 'backward' ? 4000 : Math.floor(bytes * 1.2);
  const isEarly = random.below(8) === 0;
  const afterBytes = isEarly ? random.below(2000) : random.below(most);
  return { direction, afterBytes, happens: drawTrouble(random) };
}

function drawTrouble(random: Generator): DrawnFault['happens'] {
  const dice = random.below(20);
  if (dice < 6) return { kind: 'lost' };
  if (dice < 8) return { kind: 'half-open' };
  if (dice < 9) return { kind: 'cut' };
  if (dice < 11) return { kind: 'kill', victim: 'sender' };
  if (dice < 13) return { kind: 'kill', victim: 'receiver' };
  if (dice < 15) return { kind: 'stall', forMs: 50 + random.below(1500) };
  if (dice < 16) return { kind: 'jitter', forMs: 1 + random.below(4) };
  if (dice < 17) return { kind: 'rate', bytesPerSecond: 2e6 + random.below(20e6) };
  if (dice < 18) return { kind: 'flip', bit: random.below(8) };
  if (dice < 19) return { kind: 'repeat', bytes: 1 + random.below(4096) };
  return { kind: 'gap', bytes: 1 + random.below(4096) };
}
