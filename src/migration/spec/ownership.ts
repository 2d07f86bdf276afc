import type { Keys } from '../../units/keys.ts';
import { PAGE_ORDERS } from '../page-orders/registry.ts';
import { POLICIES } from '../policies/registry.ts';
import type { KeyProblem } from './kinds.ts';
import { MIGRATION_KEYS, type WrittenMigration } from './migration-keys.ts';

export interface OwnershipOptions {
  /** Whether an operator may force a pre-copy into post-copy, so that keys of post-copy have an effect. */
  readonly mayForcePostcopy?: boolean;
}

type Given = Readonly<Record<string, unknown>>;

/**
 * Returns a problem for each key that is given but can have no effect, because it belongs to another
 * policy, page order or algorithm than the chosen one, or to a setting that is off. `given` is the
 * migration as it stands in the document, `written` the same with its defaults.
 *
 * If a map gives every key that has a default, it is taken for a copy from a result, which lists all keys;
 * its keys that have their default value are then no problem.
 */
export function foreignKeys(
  given: Given,
  written: WrittenMigration,
  { mayForcePostcopy = false }: OwnershipOptions = {},
): KeyProblem[] {
  return problemsIn(given, written, MIGRATION_KEYS, [], { ...written, mayForcePostcopy });
}

function problemsIn(
  given: Given,
  written: Given,
  keys: Keys,
  path: readonly string[],
  part: Given,
): KeyProblem[] {
  const isComplete = Object.entries(keys).every(
    ([name, { presence }]) => presence !== 'defaulted' || name in given,
  );
  return Object.entries(keys).flatMap(([name, key]) => {
    const value = given[name];
    if (value === undefined) return [];
    const isSilent =
      isComplete && key.presence === 'defaulted' && same(written[name], key.fallback);
    if (isSilent) return [];
    const here = [...path, name];
    const owners = path.length === 0 ? ownersProblem(name, part) : undefined;
    const sentence = owners ?? key.needs?.(written, part);
    if (sentence !== undefined) return [{ path: here, sentence }];
    if (key.shape.is !== 'map') return [];
    return problemsIn(value as Given, written[name] as Given, key.shape.keys, here, part);
  });
}

/** Says why a key that belongs to some policies or page orders has no effect with the chosen one. */
function ownersProblem(key: string, { policy, pageOrder }: Given): string | undefined {
  const policies = ownersOf(POLICIES, key);
  if (policies.length > 0 && !policies.includes(String(policy))) {
    return `is a setting of policy ${policies.join(' or ')}, the migration has ${describeKind('policy', policy)}: leave it out`;
  }
  const orders = ownersOf(PAGE_ORDERS, key);
  if (orders.length > 0 && !orders.includes(String(pageOrder))) {
    return `has an effect only with pageOrder ${orders.join(' or ')}, the migration has ${describeKind('', pageOrder)}: leave it out`;
  }
  return undefined;
}

const describeKind = (what: string, kind: unknown): string =>
  typeof kind === 'string'
    ? `${what} ${kind}`.trim()
    : `${what === '' ? 'one' : `a ${what}`} of your own`;

type Registry = readonly { readonly name: string; readonly keys: Keys }[];

/** Returns the names of the kinds that have a key. */
const ownersOf = (registry: Registry, key: string): string[] =>
  registry.filter(({ keys }) => key in keys).map(({ name }) => name);

/** Compares two values of a scenario, which are plain data. */
const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
