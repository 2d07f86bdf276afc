import type { ParallelLimits } from './config.ts';
import { LIMITS_PRESETS } from './presets.ts';
import type { EvacuationFile } from './schema.ts';

const NONE: ParallelLimits = {
  outgoing: Infinity,
  incoming: Infinity,
  cluster: Infinity,
  inBatches: false,
};

/** Returns the limits of a file; a limit that the file leaves out is that of its preset, or none without a preset. */
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

/** Returns the same limits, with `count` migrations at a time in all and from one host. */
export function withParallel(limits: ParallelLimits, count: number): ParallelLimits {
  return { ...limits, outgoing: count, cluster: count };
}
