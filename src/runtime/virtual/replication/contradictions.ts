import type { PacketLedger } from '../../../replication/packet-ledger.ts';
import type { ProtectedPlace } from './place.ts';

/**
 * Returns how many packets have left, of those that a guest has sent which goes on at another host, whose contents are
 * not the ones that this guest has sent. It ran beside the one that sent them, so that it may have gone another way.
 */
export function contradictions(
  ledger: PacketLedger,
  places: readonly ProtectedPlace[],
  survivor: ProtectedPlace,
): number {
  const { sent } = survivor.tap;
  let found = 0;
  for (const { host, run } of ledger.entries) {
    const { variants } = places[host]!;
    const every = survivor.tap.everyOf(run.stream);
    const last = Math.min(run.to, sent.get(run.stream) ?? 0);
    for (let number = run.from; number <= last; number++) {
      const access = number * every;
      if (variants.at(run.stream, access) !== survivor.variants.at(run.stream, access)) found++;
    }
  }
  return found;
}
