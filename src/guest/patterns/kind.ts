import {
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

/** What a pattern may know of the region it is to walk through. */
export interface PatternRegion {
  readonly pages: number;
  readonly pageSize: number;
}

/**
 * A way to choose the next page. The choosing itself is a kernel's, which is compiled; what is here is its
 * number, its keys in a scenario with their defaults, and what they become. Adding one that a kernel
 * knows takes a file like these and a line in the registry.
 */
export interface PatternKind<
  Name extends string = string,
  Table extends Keys = Keys,
  Pace extends Keys = Keys,
> {
  readonly name: Name;
  /** One sentence: which pages it visits. */
  readonly about: string;
  /** How kernels know it, PATTERN_* of the kernels' ABI. */
  readonly kernel: number;
  /** Keys of a workload that belong to this pattern. */
  readonly keys: Table;
  /** Which keys of its pace it has. */
  readonly pace: Pace;
  /** From checked values; absent: it takes files, which whoever reads them resolves. */
  pattern?(written: ValuesOf<Table>, region: PatternRegion): Pattern;
  /** The key whose value does not fit pages of that size, though it is all right by itself. */
  misfit?(written: ValuesOf<Table>, pageSize: number): (keyof Table & string) | undefined;
}

/** A kind with the types of its own keys. */
export const patternKind = <Name extends string, Table extends Keys, Pace extends Keys>(
  kind: PatternKind<Name, Table, Pace>,
): PatternKind<Name, Table, Pace> => kind;

const rate = required(accessRate, {
  about: 'page accesses a second of the whole workload, or max',
});
const tick = optional(positiveDuration, {
  about: 'accesses come in bursts of rate × tick; absent: evenly',
});

/** Of a pattern that reads and writes at a rate. */
export const PACED = {
  rate,
  writes: defaulted(share(), 1, {
    about: 'share of accesses that write',
    source: 'migration is about writes',
  }),
  tick,
};

/** Of one whose accesses all write. */
export const PACED_WRITES = { rate, tick };
