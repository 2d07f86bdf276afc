import type { OwnKind } from '../../units/keys.ts';
import type { PageOrder } from '../page-orders/page-order.ts';
import type { Policy } from '../policy.ts';
import type { PageOrderFacts, PolicyFacts } from './kinds.ts';

/** What the modules that a migration names export, as far as it needs them. */
export interface OwnKinds {
  /** A policy of its user's own, ready to decide. Throws OwnKindError when what is exported makes none. */
  policyOf(kind: OwnKind, facts: PolicyFacts): Policy;
  pageOrderOf(kind: OwnKind, facts: PageOrderFacts): PageOrder;
}

/** A kind of a user's own can't be had; `at` says which of its keys is to blame. */
export class OwnKindError extends Error {
  override readonly name = 'OwnKindError';
  readonly at: 'module' | 'export' | 'options';

  constructor(at: 'module' | 'export' | 'options', message: string, options?: ErrorOptions) {
    super(message, options);
    this.at = at;
  }
}

function unknown({ module, export: name }: OwnKind): never {
  throw new OwnKindError('module', `${name} of ${module} has not been loaded`);
}

/** For migrations whose kinds are all known by name. */
export const NO_OWN_KINDS: OwnKinds = { policyOf: unknown, pageOrderOf: unknown };
