import type { ParallelLimits } from './config.ts';
import { LIMITS_PRESETS } from './presets.ts';
import type { EvacuationFile } from './schema.ts';

const NONE: ParallelLimits = {
  outgoing: Infinity,
  incoming: Infinity,
  cluster: Infinity,
  inBatches: false,
};

/** The limits of a file: its preset's, but for those that it gives itself. */
export function limitsOf(parallel: EvacuationFile['parallel']): ParallelLimits {
  const base = parallel.preset === undefined ? NONE : LIMITS_PRESETS[parallel.preset];
  return {
    outgoing: limit(parallel.outgoing, base.outgoing),
    incoming: limit(parallel.incoming, base.incoming),
    cluster: limit(parallel.cluster, base.cluster),
    inBatches: parallel.inBatches ?? base.inBatches,
  };
}

function limit(value: number | 'unlimited' | undefined, other: number): number {
  if (value === undefined) return other;
  return value === 'unlimited' ? Infinity : value;
}

/** The same limits with so many migrations at a time. */
export function withParallel(limits: ParallelLimits, count: number): ParallelLimits {
  return { ...limits, outgoing: count, cluster: count };
}
