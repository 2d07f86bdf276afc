import type { ReplicationConfig } from '../../../replication/config.ts';
import type { PacketTotals } from '../../../replication/packet-ledger.ts';
import type { ProtectReport } from './report.ts';

/** From when and until when a guest could run at a place, in nanoseconds. */
export interface Span {
  readonly ranFromNs: number;
  readonly ranToNs: number;
}

/** Returns how long two hosts could run the guest at the same time. */
export function splitNsOf(places: readonly Span[], endedNs: number): number {
  const spans = places
    .filter(({ ranFromNs }) => ranFromNs < endedNs)
    .map((place) => ({ fromNs: place.ranFromNs, toNs: Math.min(place.ranToNs, endedNs) }));
  let splitNs = 0;
  spans.forEach((a, i) => {
    for (const b of spans.slice(i + 1)) {
      splitNs += Math.max(0, Math.min(a.toNs, b.toNs) - Math.max(a.fromNs, b.fromNs));
    }
  });
  return splitNs;
}

/** What became of a protected guest, as far as its outcome depends on it. */
export interface Ending {
  readonly error: string | undefined;
  readonly isCancelled: boolean;
  readonly splitNs: number;
  /** Whether a backup took over a guest that had gone on without protection elsewhere, and died there. */
  readonly hasGoneBack: boolean;
  /** Whether the guest runs at a host. */
  readonly isAlive: boolean;
}

export function outcomeOf(ending: Ending): ProtectReport['outcome'] {
  if (ending.error !== undefined) return 'failed';
  if (ending.isCancelled) return 'cancelled';
  if (ending.splitNs > 0) return 'split';
  if (ending.hasGoneBack) return 'stale';
  return ending.isAlive ? 'completed' : 'lost';
}

/**
 * Returns a sentence for each promise that was broken. `contradictions` are the packets that left although the guest that
 * lives on under COLO has sent others in their place.
 */
export function problemsOf(
  { fence, netBuffer }: ReplicationConfig,
  { undone, repeated }: PacketTotals,
  { splitNs, hasGoneBack }: Pick<Ending, 'splitNs' | 'hasGoneBack'>,
  contradictions = 0,
): string[] {
  const problems: string[] = [];
  if (splitNs > 0) {
    if (fence) problems.push('two hosts ran the guest at once in spite of the fence');
    return problems;
  }
  if (hasGoneBack) {
    if (fence) problems.push('a backup took over a guest that had gone on elsewhere');
    return problems;
  }
  if (!netBuffer) return problems;
  if (contradictions > 0) {
    problems.push(
      `${contradictions} packets left that the guest which lives on has not sent like that`,
    );
  }
  if (undone > 0)
    problems.push(`${undone} packets left whose state is lost, since they were not held`);
  if (repeated > 0) problems.push(`${repeated} packets left twice, or out of order`);
  return problems;
}
