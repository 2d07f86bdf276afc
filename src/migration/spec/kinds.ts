import type { Keys, ValuesOf } from '../../units/keys.ts';
import type { WindowLag } from '../limiters.ts';
import type { PageLine } from '../page-orders/line.ts';
import type { PageOrder } from '../page-orders/page-order.ts';
import type { Policy } from '../policy.ts';
import type { SourceOptions } from '../source-options.ts';
import type { CommonSpec } from './common-spec.ts';

/**
 * What the registries of policies and page orders hold. A kind is one file: its keys in a scenario with
 * their defaults, what they become in numbers, and the function that makes the kind. Adding one takes
 * that file and a line in its registry.
 */

/** What a kind may ask of the scenario around its own keys. */
export interface Surroundings {
  readonly algorithm: string;
  readonly dirtyLog: string;
  readonly dirtyRingSize: number;
}

/** Something about a kind's own keys that can't be. */
export interface KeyProblem {
  /** From the migration's part on. */
  readonly path: readonly string[];
  readonly sentence: string;
}

/** What a policy is told about its migration before it begins. */
export interface PolicyFacts {
  readonly pages: number;
  readonly pageSize: number;
  readonly linkBytesPerSecond: number;
  /** The migration's own limit; Infinity: none. */
  readonly maxBytesPerSecond: number;
  readonly downtimeLimitMs: number;
  /** Infinity: none. */
  readonly timeoutMs: number;
}

/** What a page order is told before post-copy begins. */
export interface PageOrderFacts {
  readonly pages: number;
  readonly pageSize: number;
  /** The pages in the order of `swapOrder`; known once the guest stands still, at the first `next`. */
  readonly line: () => PageLine;
}

export type PolicyFactory = (
  options: Readonly<Record<string, unknown>>,
  facts: PolicyFacts,
) => Policy;

export type PageOrderFactory = (
  options: Readonly<Record<string, unknown>>,
  facts: PageOrderFacts,
) => PageOrder;

export interface PolicyKind<
  Name extends string = string,
  Table extends Keys = Keys,
  Part extends object = object,
> {
  readonly name: Name;
  /** One sentence: whose rules these are. */
  readonly about: string;
  /** Keys of `migration` that belong to this policy; with another one they are input errors. */
  readonly keys: Table;
  /** Its part of the migration's spec, from checked values. */
  resolve(written: ValuesOf<Table>, around: Surroundings): Part;
  /** What of its values does not fit, though each is all right by itself. */
  readonly problems?: (written: ValuesOf<Table>, around: Surroundings) => readonly KeyProblem[];
  policy(spec: CommonSpec & Part, facts: PolicyFacts): Policy;
  /** With post-copy after some rounds; absent: the policy, until the spec's `postcopyAfter`. */
  hybrid?(spec: CommonSpec & Part, facts: PolicyFacts): Policy;
  /** Its own way to keep to a rate and through the guest; absent: the link's, by gfn. */
  pacing?(
    spec: CommonSpec & Part,
    guest: { readonly pages: number; readonly pageSize: number },
    lag?: WindowLag,
  ): Pick<SourceOptions, 'pacing' | 'walk'>;
  /** It ends the rounds at the timeout itself, so that the migration is not given up. */
  takesTimeout?(spec: CommonSpec & Part): boolean;
}

export interface PageOrderKind<
  Name extends string = string,
  Table extends Keys = Keys,
  Part extends object = object,
> {
  readonly name: Name;
  readonly about: string;
  /** Keys of `migration` that belong to this order; with another one they are input errors. */
  readonly keys: Table;
  resolve(written: ValuesOf<Table>): Part;
  order(spec: CommonSpec & Part, facts: PageOrderFacts): PageOrder;
}

/** A kind with the types of its own keys. */
export const policyKind = <Name extends string, Table extends Keys, Part extends object>(
  kind: PolicyKind<Name, Table, Part>,
): PolicyKind<Name, Table, Part> => kind;

export const pageOrderKind = <Name extends string, Table extends Keys, Part extends object>(
  kind: PageOrderKind<Name, Table, Part>,
): PageOrderKind<Name, Table, Part> => kind;
