import type { Path } from './document.ts';
import { formatKey, InputError } from './input-error.ts';
import { MOST_LEVELS, tooDeep } from './yaml.ts';

/** Returns what stands for a function at a path; undefined when no function may stand there. */
export type FunctionAt = (path: Path, found: (...args: never[]) => unknown) => unknown;

/**
 * Returns a copy of a value of a program with which JSON can be written: maps, lists, texts, finite numbers, true, false and null.
 * Keys without a value are left out, and `functionAt` replaces functions. `source` is what errors call the value, `root`
 * the path at which it stands. Throws InputError.
 */
export function plainCopy(
  value: unknown,
  source: string,
  functionAt: FunctionAt = () => undefined,
  root: Path = [],
): unknown {
  const refuse = (path: Path, sentence: string): never => {
    throw new InputError([{ place: source, key: formatKey(path), sentence }]);
  };
  const copy = (at: unknown, path: Path): unknown => {
    if (path.length > MOST_LEVELS) return refuse(path.slice(0, 8), tooDeep());
    if (at === null || typeof at === 'string' || typeof at === 'boolean') return at;
    if (typeof at === 'number' && Number.isFinite(at)) return at;
    if (typeof at === 'function') {
      const stand = functionAt(path, at as (...args: never[]) => unknown);
      return (
        stand ??
        refuse(path, 'expected plain data, got a function: name a module as { module, export }')
      );
    }
    if (Array.isArray(at)) return at.map((one, i) => copy(one, [...path, i]));
    if (Object.prototype.toString.call(at) === '[object Object]') {
      const entries = Object.entries(at as object).filter(([, inner]) => inner !== undefined);
      return Object.fromEntries(entries.map(([key, inner]) => [key, copy(inner, [...path, key])]));
    }
    return refuse(path, `expected plain data as JSON has it, got ${nameOf(at)}`);
  };
  return copy(value, root);
}

/** Returns what messages call a value that is no plain data, such as Infinity or a Date. */
const nameOf = (value: unknown): string =>
  typeof value === 'number' ? String(value) : Object.prototype.toString.call(value).slice(8, -1);
