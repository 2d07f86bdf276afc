import { statSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { PageOrder } from '../../migration/page-orders/page-order.ts';
import type { Policy } from '../../migration/policy.ts';
import { OwnKindError, type OwnKinds } from '../../migration/spec/own-kinds.ts';
import type { OwnKind } from '../../units/keys.ts';

export type Factory = (options: Readonly<Record<string, unknown>>, facts: unknown) => unknown;

/** `require` loads modules without a promise, so that the main thread and the workers do it alike. */
const load = createRequire(import.meta.url);

/** The functions that this program has lent in place of modules, by the names that stand for them. */
const lent = new Map<string, Factory>();

/**
 * Lets a function of this program stand for a module, under the name of a file that is not there. Only this thread
 * knows it, so it serves virtual runs. The function that is returned ends that.
 */
export function lendFactory(module: string, factory: Factory): () => void {
  lent.set(module, factory);
  return () => void lent.delete(module);
}

/** Makes policies and page orders with the users' own modules. Each thread loads a module once. */
export const ownKinds: OwnKinds = {
  policyOf(kind, facts) {
    const policy = made(kind, facts, 'policy');
    if (isPolicy(policy)) return policy;
    const shape = 'an object with name, skipsRedirtied, initial and the function decide';
    throw new OwnKindError('export', `${nameOf(kind)} makes no policy: ${shape}`);
  },
  pageOrderOf(kind, facts) {
    const order = made(kind, facts, 'page order');
    if (isPageOrder(order)) return order;
    const shape = 'an object with the functions next and requested';
    throw new OwnKindError('export', `${nameOf(kind)} makes no page order: ${shape}`);
  },
};

/**
 * Calls the factory that `kind` names with its options and `facts`, and returns what the factory makes; `what`
 * is the noun for it in errors. Throws OwnKindError when there is no such factory, or when the factory throws.
 */
export function made(kind: OwnKind, facts: unknown, what: string): unknown {
  const factory = factoryOf(kind);
  try {
    return factory(kind.options ?? {}, facts);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new OwnKindError('export', `${nameOf(kind)} makes no ${what}: ${why}`, { cause });
  }
}

function factoryOf(kind: OwnKind): Factory {
  const { module, export: name } = kind;
  const own = lent.get(module);
  if (own) return own;
  const exports = exportsOf(module);
  const factory = exports[name];
  if (typeof factory === 'function') return factory as Factory;
  const names = Object.keys(exports).filter((one) => typeof exports[one] === 'function');
  const others = names.length === 0 ? 'no function at all' : names.join(', ');
  throw new OwnKindError('export', `${module} exports no function ${name}: it exports ${others}`);
}

function exportsOf(module: string): Readonly<Record<string, unknown>> {
  if (statSync(module, { throwIfNoEntry: false })?.isFile() !== true) {
    throw new OwnKindError('module', `there is no file ${module}`);
  }
  try {
    return load(module) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    const error = cause as NodeJS.ErrnoException;
    const why =
      error.code === 'ERR_REQUIRE_ASYNC_MODULE'
        ? 'it awaits something at its top level'
        : error.message.split('\n')[0];
    throw new OwnKindError('module', `${module} can't be loaded: ${why}`, { cause });
  }
}

const nameOf = ({ module, export: name }: OwnKind): string =>
  lent.has(module) ? name : `${name} of ${module}`;

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

function isPolicy(value: unknown): value is Policy {
  return (
    isObject(value) &&
    typeof value['name'] === 'string' &&
    typeof value['skipsRedirtied'] === 'boolean' &&
    'initial' in value &&
    typeof value['decide'] === 'function'
  );
}

function isPageOrder(value: unknown): value is PageOrder {
  return (
    isObject(value) &&
    typeof value['next'] === 'function' &&
    typeof value['requested'] === 'function'
  );
}
