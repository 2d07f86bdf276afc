import type { Keys, Quantity, ValuesOf } from '../../units/keys.ts';
import type { Remedies } from '../divergence.ts';
import type { WindowLag } from '../limiters.ts';
import type { PageLine } from '../page-orders/line.ts';
import type { PageOrder } from '../page-orders/page-order.ts';
import type { Policy } from '../policy.ts';
import type { SourceOptions } from '../source-options.ts';
import type { CommonSpec } from './common-spec.ts';

/**
 * The types of what the registries of policies and page orders hold. A kind is one file. It has the kind's
 * keys in a scenario with their defaults, a function that turns their values into numbers, and one that
 * makes the policy or page order. To add a kind, add that file and a line in its registry.
 */

/** What a kind learns of the scenario besides its own keys. */
export interface Surroundings {
  readonly algorithm: string;
  readonly dirtyLog: string;
  readonly dirtyRingSize: number;
  /** The value of `migration.downtimeLimit`. */
  readonly downtimeLimit: Quantity;
}

/** An input error in a kind's own keys. */
export interface KeyProblem {
  /** The keys that lead to the value, from those of `migration` on. */
  readonly path: readonly string[];
  readonly sentence: string;
}

/** What a policy is told about its migration before it begins. */
export interface PolicyFacts {
  readonly pages: number;
  readonly pageSize: number;
  readonly linkBytesPerSecond: number;
  /** The migration's own limit; Infinity means none. */
  readonly maxBytesPerSecond: number;
  readonly downtimeLimitMs: number;
  /** The time after which the migration is given up; Infinity means never. */
  readonly timeoutMs: number;
}

/** What a page order is told before post-copy begins. */
export interface PageOrderFacts {
  readonly pages: number;
  readonly pageSize: number;
  /** Returns the pages in the order of `swapOrder`; call it once the guest is paused, at the first `next`. */
  readonly line: () => PageLine;
}

/** The function that a module exports for a policy of its author's own. */
export type PolicyFactory = (
  options: Readonly<Record<string, unknown>>,
  facts: PolicyFacts,
) => Policy;

/** The function that a module exports for a page order of its author's own. */
export type PageOrderFactory = (
  options: Readonly<Record<string, unknown>>,
  facts: PageOrderFacts,
) => PageOrder;

/** A policy that scenarios know by name. */
export interface PolicyKind<
  Name extends string = string,
  Table extends Keys = Keys,
  Part extends object = object,
> {
  readonly name: Name;
  /** A sentence for documents that says whose rules these are. */
  readonly about: string;
  /** The keys of `migration` that belong to this policy; with another policy they are input errors. */
  readonly keys: Table;
  /** Returns the policy's part of the migration's spec, from checked values. */
  resolve(written: ValuesOf<Table>, around: Surroundings): Part;
  /** Returns what does not fit together in values of which each is valid by itself. */
  readonly problems?: (written: ValuesOf<Table>, around: Surroundings) => readonly KeyProblem[];
  /** Makes the policy. */
  policy(spec: CommonSpec & Part, facts: PolicyFacts): Policy;
  /** Makes the policy of algorithm `hybrid`; by default, post-copy begins after `postcopyAfter` rounds. */
  hybrid?(spec: CommonSpec & Part, facts: PolicyFacts): Policy;
  /**
   * Returns the policy's own limiter and its own walk through the guest; by default the link's token
   * bucket limits the rate, and the walk is by gfn.
   */
  pacing?(
    spec: CommonSpec & Part,
    guest: { readonly pages: number; readonly pageSize: number },
    lag?: WindowLag,
  ): Pick<SourceOptions, 'pacing' | 'walk'>;
  /** Returns which of its keys would let a migration complete that has diverged; by default none. */
  remedies?(spec: CommonSpec & Part): Remedies;
  /** Returns whether the policy itself ends the rounds at the timeout, so that the migration isn't given up. */
  takesTimeout?(spec: CommonSpec & Part): boolean;
}

/** A page order that scenarios know by name. */
export interface PageOrderKind<
  Name extends string = string,
  Table extends Keys = Keys,
  Part extends object = object,
> {
  readonly name: Name;
  /** A sentence for documents. */
  readonly about: string;
  /** The keys of `migration` that belong to this order; with another order they are input errors. */
  readonly keys: Table;
  /** Returns the order's part of the migration's spec, from checked values. */
  resolve(written: ValuesOf<Table>): Part;
  /** Makes the page order. */
  order(spec: CommonSpec & Part, facts: PageOrderFacts): PageOrder;
}

/** Returns the kind as it is; the compiler infers the types of its keys. */
export const policyKind = <Name extends string, Table extends Keys, Part extends object>(
  kind: PolicyKind<Name, Table, Part>,
): PolicyKind<Name, Table, Part> => kind;

/** The same for a page order. */
export const pageOrderKind = <Name extends string, Table extends Keys, Part extends object>(
  kind: PageOrderKind<Name, Table, Part>,
): PageOrderKind<Name, Table, Part> => kind;
