import type { Victim } from './draw.ts';
import type { ReceivedEnd, SentEnd } from './protocol.ts';

/** What is known of a migration once both processes have ended their parts, or been killed. */
export interface ProcessEnds {
  /** What the sender says; absent if it was killed before. */
  readonly sent?: SentEnd | undefined;
  /** What the receiver says; absent if it was killed before, or no guest was admitted. */
  readonly received?: ReceivedEnd | undefined;
  readonly killed: ReadonlySet<Victim>;
}

/** The errors that keep a migration from beginning. */
const EXPECTED = /^(RefusedError|ConnectionEnded|TimeoutError|ProtocolError|SocketError): /;

/** What became of a migration, and what is wrong with that. */
export interface Judgement {
  readonly outcome: string;
  readonly wrongs: readonly string[];
}

/**
 * Judges where the guest is: it has completed and is byte-exact, or runs at exactly one side, or has been declared lost.
 * The guest of a killed process is gone with it, and nobody else may run a guest that has not come.
 */
export function judge({ sent, received, killed }: ProcessEnds): Judgement {
  const wrongs: string[] = [];
  const isThere = received?.ran === true;
  const isHere = sent?.refused !== undefined || sent?.runsHere === true;
  if (isHere && isThere) wrongs.push('the guest runs on both sides');
  if (sent?.ok === false) wrongs.push(`the proof fails: ${sent.proof}`);
  if (!sent && !killed.has('sender')) wrongs.push('the sender has said nothing');
  if (!sent) return { outcome: withoutSender(received, wrongs), wrongs };
  if (sent.refused !== undefined) {
    if (!EXPECTED.test(sent.refused)) wrongs.push(`the sender fails: ${sent.refused}`);
    return { outcome: 'no migration began', wrongs };
  }
  if (sent.error?.startsWith('the proof was cut short') === true && !isHere) {
    if (!isThere && !killed.has('receiver')) wrongs.push('it has moved, but runs nowhere');
    return { outcome: 'moved, without a proof', wrongs };
  }
  if (sent.outcome === 'completed') {
    if (!isThere && !killed.has('receiver')) wrongs.push('completed, but the guest runs nowhere');
    if (isHere) wrongs.push('completed, but the guest still runs at the source');
    if (sent.ok !== true) wrongs.push('completed without a proof');
    return { outcome: 'completed', wrongs };
  }
  if (sent.guestLost === true) {
    if (isHere) wrongs.push('declared lost, but the guest runs at the source');
    return { outcome: isThere ? 'lost, and runs there' : 'lost', wrongs };
  }
  if (!isHere) wrongs.push(`${sent.outcome}, but the guest runs nowhere: ${sent.error}`);
  if (sent.ok !== true) wrongs.push('it goes on at the source without a proof');
  return { outcome: `${sent.outcome}, and goes on at the source`, wrongs };
}

/** Returns what became of a guest whose sender was killed. */
function withoutSender(received: ReceivedEnd | undefined, wrongs: string[]): string {
  if (!received) return 'gone with the sender';
  const { ran, outcome, error } = received;
  if (!ran && outcome === 'completed') wrongs.push('the receiver has completed, but runs no guest');
  if (!ran) return 'gone with the sender';
  if (outcome !== 'completed' && error === undefined)
    wrongs.push('the receiver is silent about a loss');
  return outcome === 'completed' ? 'runs on without its sender' : 'lost with its sender';
}
