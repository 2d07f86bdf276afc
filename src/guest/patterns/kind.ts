import {
  allowance,
  defaulted,
  optional,
  positiveDuration,
  required,
  share,
  accessRate,
  type Keys,
  type ValuesOf,
} from '../../units/keys.ts';
import type { Pattern } from '../workload.ts';

/** What a pattern knows about the region of its workload. */
export interface PatternRegion {
  readonly pages: number;
  readonly pageSize: number;
}

/**
 * A way to choose the next page. A compiled kernel does the choosing itself; what is here is the kernel's number for
 * it, its keys in a scenario with their defaults, and what becomes of their values. A new kind that a kernel knows
 * takes a file like these and a line in the registry.
 */
export interface PatternKind<
  Name extends string = string,
  Table extends Keys = Keys,
  Pace extends Keys = Keys,
> {
  readonly name: Name;
  /** One sentence that says which pages it visits. */
  readonly about: string;
  /** The kernels' number for it, PATTERN_* in kernels/abi.ts. */
  readonly kernel: number;
  /** The keys of a workload that belong to this pattern. */
  readonly keys: Table;
  /** The keys of a workload's pace that go with this pattern. */
  readonly pace: Pace;
  /** Makes a pattern of checked values. It is absent for a kind that takes files, which scenario/ reads. */
  pattern?(written: ValuesOf<Table>, region: PatternRegion): Pattern;
  /** Returns what is impossible about values that are valid one by one; paths begin at the workload. */
  problems?(
    written: ValuesOf<Table>,
    region: PatternRegion,
  ): { readonly path: readonly (string | number)[]; readonly sentence: string }[];
  /** Returns the key whose value is valid but does not fit pages of that size; undefined when all fit. */
  misfit?(written: ValuesOf<Table>, pageSize: number): (keyof Table & string) | undefined;
}

/** Returns the kind as it is; it gives the checker the types of the kind's own keys. */
export const patternKind = <Name extends string, Table extends Keys, Pace extends Keys>(
  kind: PatternKind<Name, Table, Pace>,
): PatternKind<Name, Table, Pace> => kind;

const rate = required(accessRate, {
  about: 'page accesses a second of the whole workload, or max',
});
const tick = optional(positiveDuration, {
  about: 'accesses come in bursts of rate × tick, or evenly when it is absent',
});

/** The key for what becomes of accesses that fell due in a throttle or a fault. */
export const catchUp = (fallback: 'none' | 'unlimited', source: string) =>
  defaulted(allowance, fallback, {
    about:
      'accesses that fell due in a throttle, a fault or stolen CPU time stay due for so long: none, a duration, unlimited',
    source,
  });

const pacedCatchUp = catchUp('none', 'a timer drops the ticks that it misses');

/** The keys of the pace of a pattern that reads and writes at a rate. */
export const PACED = {
  rate,
  writes: defaulted(share(), 1, {
    about: 'share of accesses that write',
    source: 'only writes make pages dirty, so that a migration must send them again',
  }),
  tick,
  catchUp: pacedCatchUp,
};

/** The keys of the pace of a pattern that decides on its rate itself; all accesses write. */
export const PACED_BY_FIT = { catchUp: pacedCatchUp };

/** The keys of the pace of a pattern whose accesses all write. */
export const PACED_WRITES = { rate, tick, catchUp: pacedCatchUp };
