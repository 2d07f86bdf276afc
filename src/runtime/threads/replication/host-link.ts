import type { Clock } from '../../../clock/clock.ts';
import type { Link } from '../../../link/link.ts';
import { ringLink } from '../../../link/ring-link.ts';
import { Doorbell } from '../../../memory/doorbell.ts';
import { DOORBELL } from '../../../memory/handshake/words.ts';
import { CutLink } from './cut-link.ts';
import type { ProtectedHostTask } from './tasks.ts';

/** Opens one end of the link of a pair of hosts: `near` is that of the primary. */
export function openHostLink(
  { run, transfers, cuts, handshakes }: ProtectedHostTask,
  pair: number,
  end: 'near' | 'far',
  peer: number,
  clock: Clock,
): Link {
  const { forward, backward } = transfers[pair]!;
  const words = new Int32Array(cuts);
  const inner = ringLink({
    clock,
    outgoing: end === 'near' ? forward : backward,
    incoming: end === 'near' ? backward : forward,
    peerDoorbell: new Doorbell(new Int32Array(handshakes[peer]!), DOORBELL),
    bytesPerSecond: run.link.bytesPerSecond,
    latencyNs: run.link.latencyNs,
  });
  return new CutLink(inner, () => Atomics.load(words, pair) !== 0);
}
