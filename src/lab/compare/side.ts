import type { Cells, RunRecord } from '../sweep/rows.ts';
import { COMPLETED, SPEED } from './metrics.ts';
import type { MetricFacts } from './result.ts';

/** One run of a side. */
export interface ComparedRun {
  /** All keys of its scenario (all options of a bench) but its name and seed. */
  readonly scenario: Cells;
  /** Runs of both sides that have the same seed are a pair; a bench has none. */
  readonly seed?: string | number;
  /** Whether a run with the same scenario and seed has the same result. */
  readonly isExact: boolean;
  readonly outcome: string;
  /** Its figures; those of a run that did not complete can't be compared, so it has only `completed`. */
  readonly figures: Readonly<Record<string, number>>;
}

/** What is on one side of a comparison. */
export interface Side {
  readonly of: 'runs' | 'bench';
  readonly sources: readonly string[];
  readonly versions: readonly string[];
  /** The machines on which the runs were measured, in words. */
  readonly hosts: readonly string[];
  readonly runs: readonly ComparedRun[];
  /** All metrics that some run has, with those that are compared by default first. */
  readonly metrics: readonly MetricFacts[];
  readonly warnings: readonly string[];
}

/** Returns a run as it is compared from what a store keeps of it. */
export function comparedRun({ scenario, result }: RunRecord): ComparedRun {
  const { name: _, seed, ...keys } = scenario;
  const outcome = String(result['outcome']);
  return {
    scenario: keys,
    ...(typeof seed === 'boolean' || seed === undefined ? {} : { seed }),
    isExact: scenario['runtime'] === 'virtual',
    outcome,
    figures: outcome === 'completed' ? figuresOf(result) : { [COMPLETED]: 0 },
  };
}

function figuresOf(result: Cells): Record<string, number> {
  const figures: Record<string, number> = { [COMPLETED]: 1 };
  for (const [name, value] of Object.entries(result)) {
    // How long the emulator took for a run is no figure of the migration.
    if (typeof value === 'number' && name !== 'wallMs') figures[name] = value;
  }
  const { guest_accessesDuring: accesses, totalTimeMs } = figures;
  if (accesses !== undefined && totalTimeMs !== undefined && totalTimeMs > 0) {
    figures[SPEED] = accesses / (totalTimeMs / 1000);
  }
  return figures;
}
