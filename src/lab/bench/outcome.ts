import type { Clock } from '../../clock/clock.ts';
import { type HostFacts, hostFacts } from '../../result/host.ts';
import { VERSION } from '../../result/version.ts';

/** One quantity that a bench has measured, usually several times. */
export interface Metric {
  /** The setting that was measured, such as `bitmap, get-and-clear`. */
  readonly of: string;
  /** The quantity that was measured, such as `get`. */
  readonly name: string;
  readonly unit: string;
  readonly better: 'less' | 'more';
  readonly samples: readonly number[];
  /** Set when the metric only describes the run, as a count does; comparisons leave it out. */
  readonly isFact?: true;
}

/** A histogram of a quantity: bucket i counts the values from 2^i up to 2^(i+1). */
export interface Distribution {
  readonly of: string;
  readonly name: string;
  readonly unit: string;
  readonly counts: readonly number[];
}

/** The result of a bench: `pageferry/bench@1`. */
export interface BenchOutcome {
  readonly schema: typeof BENCH_SCHEMA;
  readonly version: string;
  /** When the program runs from a git checkout: its commit, with a + when files have been changed since. */
  readonly commit?: string;
  readonly bench: string;
  /** The values of all options, each written as on the command line. */
  readonly options: Readonly<Record<string, string>>;
  /** The machine that measured; figures of different machines can't be compared. */
  readonly host: HostFacts;
  readonly metrics: readonly Metric[];
  readonly distributions?: readonly Distribution[];
  readonly notes?: readonly string[];
}

/** Says that bytes arrived which differ from those that were sent, so the measurement is worthless. */
export class DiffersError extends Error {
  override readonly name = 'DiffersError';
}

export const BENCH_SCHEMA = 'pageferry/bench@1';

/** The part of the result that the bench itself provides. */
export type Findings = Pick<BenchOutcome, 'metrics' | 'distributions' | 'notes'>;

/** An option of a bench, for the command line and its help. Every option takes a value. */
export interface BenchOption {
  readonly flag: string;
  /** The name of the value in the help. */
  readonly value: string;
  readonly about: string;
  readonly default: string;
}

export interface BenchContext {
  readonly options: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** The bench calls this with what it measures next, and how much of all is done, for the display. */
  readonly progress: (what: string, done?: number, all?: number) => void;
  /** The bench adds the metrics of each setting that it has measured, so that they are there when it is given up. */
  readonly metrics: Metric[];
}

export interface Bench {
  readonly name: string;
  readonly about: string;
  readonly options: readonly BenchOption[];
  /** Throws InputError when an option can't be used. */
  run(context: BenchContext): Promise<Findings>;
}

/** Completes a bench's findings with the version, the commit and the machine. */
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
