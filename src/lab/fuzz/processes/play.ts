import { Generator } from '../../../random/generator.ts';
import type { FuzzResult } from '../fuzz.ts';
import type { ConnectionFault } from './connection-fault.ts';
import { type DrawnFault, type DrawnProcesses, drawProcesses, type Victim } from './draw.ts';
import { FaultProxy } from './fault-proxy.ts';
import { judge } from './judge.ts';
import type { Told } from './protocol.ts';
import { WorkerProcess } from './worker-process.ts';

/** Every wait of both processes has a bound; a migration that takes longer than all of them hangs. */
const HANG_MS = 120_000;
const START_MS = 60_000;

type Kind<Name extends Told['kind']> = Extract<Told, { kind: Name }>;

const isOf =
  <Name extends Told['kind']>(kind: Name, id?: string) =>
  (told: Told): told is Kind<Name> =>
    told.kind === kind && (id === undefined || !('id' in told) || told.id === id);

/** A sender and a receiver, which play one migration after the other; who was killed is replaced by a new process. */
class ProcessPair {
  #sender: WorkerProcess | undefined;
  #receiver: WorkerProcess | undefined;
  #plays = 0;

  /** Plays a drawn migration and judges its end. */
  async play(seed: number, drawn: DrawnProcesses): Promise<FuzzResult> {
    const { text, patience } = drawn;
    const receiver = (this.#receiver ??= listening(patience));
    const sender = (this.#sender ??= new WorkerProcess());
    const { port } = (await receiver.await(isOf('listening'), START_MS)) ?? {};
    if (port === undefined) throw new Error(`no receiver starts: ${receiver.stderr}`);
    const killed = new Set<Victim>();
    const kill = (victim: Victim): void => {
      killed.add(victim);
      (victim === 'sender' ? sender : receiver).kill();
    };
    const proxy = await FaultProxy.open({
      targetPort: port,
      connections: drawn.connections.map((faults) => faults.map((one) => faultOf(one, kill))),
      refusals: drawn.refusals,
      random: new Generator(seed, 1),
    });
    const id = idOf(seed, this.#plays++);
    try {
      sender.order({ kind: 'send', id, text, port: proxy.port, patience });
      const sent = await sender.await(isOf('sent', id), HANG_MS);
      const isAdmitted = receiver.find(isOf('admitted', id)) !== undefined;
      const received = isAdmitted ? await receiver.await(isOf('received', id), HANG_MS) : undefined;
      const { outcome, wrongs } = judge({ sent, received, killed });
      const isHanging = isAdmitted && !received && !receiver.isDead;
      const loud = [sender, receiver].flatMap(({ stderr }) => (stderr === '' ? [] : [stderr]));
      return {
        seed,
        outcome,
        trouble: [...new Set(proxy.happened)].toSorted().join('+') || 'none',
        recoveries: sent?.pauses ?? 0,
        wrongs: [...wrongs, ...(isHanging ? ['the receiver has said nothing'] : []), ...loud],
      };
    } finally {
      await proxy.close();
      // Whoever hangs or has something to say on stderr is of no more use.
      if (sender.isDead || sender.stderr !== '') this.#sender = replaced(sender);
      if (receiver.isDead || receiver.stderr !== '') this.#receiver = replaced(receiver);
    }
  }
}

function listening(patience: DrawnProcesses['patience']): WorkerProcess {
  const process = new WorkerProcess();
  process.order({ kind: 'receive', patience });
  return process;
}

function replaced(process: WorkerProcess): undefined {
  process.kill();
}

function faultOf(
  { happens, ...rest }: DrawnFault,
  kill: (victim: Victim) => void,
): ConnectionFault {
  if (happens.kind !== 'kill') return { ...rest, happens };
  const { victim } = happens;
  return { ...rest, happens: { kind: 'call', act: () => kill(victim) } };
}

/** Returns an id that no other play has in this process. */
const idOf = (seed: number, play: number): string =>
  seed.toString(16).padStart(16, '0') + play.toString(16).padStart(16, '0');

let pair: ProcessPair | undefined;

/** Plays one seed between two processes, which later seeds use again unless they are killed. */
export function fuzzProcesses(seed: number): Promise<FuzzResult> {
  pair ??= new ProcessPair();
  return pair.play(seed, drawProcesses(seed));
}
