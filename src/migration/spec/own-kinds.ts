import type { OwnKind } from '../../units/keys.ts';
import type { PageOrder } from '../page-orders/page-order.ts';
import type { Policy } from '../policy.ts';
import type { PageOrderFacts, PolicyFacts } from './kinds.ts';

/** Makes the policies and page orders of the user's own from the modules that a migration names. */
export interface OwnKinds {
  /** Returns a new policy. Throws OwnKindError if the module's export does not make one. */
  policyOf(kind: OwnKind, facts: PolicyFacts): Policy;
  /** Returns a new page order. Throws OwnKindError if the module's export does not make one. */
  pageOrderOf(kind: OwnKind, facts: PageOrderFacts): PageOrder;
}

/** The error of a module that makes no policy or page order; `at` is the key of the scenario to blame. */
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

/** The own kinds of a migration that names none; both functions throw OwnKindError. */
export const NO_OWN_KINDS: OwnKinds = { policyOf: unknown, pageOrderOf: unknown };
