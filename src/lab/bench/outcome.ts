import type { Clock } from '../../clock/clock.ts';
import { type HostFacts, hostFacts } from '../../result/host.ts';
import { VERSION } from '../../result/version.ts';

/** One thing that a bench has measured, several times. */
export interface Metric {
  /** What was varied: `bitmap, get and clear`. */
  readonly of: string;
  /** What was measured: `get`. */
  readonly name: string;
  readonly unit: string;
  readonly better: 'less' | 'more';
  readonly samples: readonly number[];
  /** It only describes the run (a count, a share): no comparison judges it. */
  readonly isFact?: true;
}

/** How often values of a size were seen: bucket i counts those from 2^i up to 2^(i+1). */
export interface Distribution {
  readonly of: string;
  readonly name: string;
  readonly unit: string;
  readonly counts: readonly number[];
}

/** What a bench has found: `pageferry/bench@1`. */
export interface BenchOutcome {
  readonly schema: typeof BENCH_SCHEMA;
  readonly version: string;
  /** Of a checkout: its commit, with a + when files have been changed since. */
  readonly commit?: string;
  readonly bench: string;
  /** As the command line takes them. */
  readonly options: Readonly<Record<string, string>>;
  /** The machine that measured: figures of two are not to be compared. */
  readonly host: HostFacts;
  readonly metrics: readonly Metric[];
  readonly distributions?: readonly Distribution[];
  readonly notes?: readonly string[];
}

/** Bytes arrived that are not those that were sent: what was measured is worth nothing. */
export class DiffersError extends Error {
  override readonly name = 'DiffersError';
}

export const BENCH_SCHEMA = 'pageferry/bench@1';

/** What a bench itself makes of its options. */
export type Findings = Pick<BenchOutcome, 'metrics' | 'distributions' | 'notes'>;

/** An option of a bench; every one has a value, written as on the command line. */
export interface BenchOption {
  readonly flag: string;
  /** Of the value, for the help. */
  readonly value: string;
  readonly about: string;
  readonly default: string;
}

export interface BenchContext {
  readonly options: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** Told what is measured now. */
  readonly progress: (what: string) => void;
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  readonly options: readonly BenchOption[];
  /** Throws InputError when an option can't be used. */
  run(context: BenchContext): Promise<Findings>;
}

export function outcomeOf(
  bench: string,
  options: Readonly<Record<string, string>>,
  findings: Findings,
  commit?: string,
): BenchOutcome {
  return {
    schema: BENCH_SCHEMA,
    version: VERSION,
    ...(commit === undefined ? {} : { commit }),
    bench,
    options,
    host: hostFacts(),
    ...findings,
  };
}
