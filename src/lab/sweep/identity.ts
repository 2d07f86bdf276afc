import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { VERSION } from '../../result/version.ts';
import type { LoadedScenario } from '../../scenario/load.ts';

/** The digests of files that scenarios name, by path, size and time of change. */
const digests = new Map<string, string>();

/**
 * Returns what tells a run from all others: a digest of its scenario in numbers, however it was written, of the
 * contents of the files that it names, and of the program's version. Runs over the virtual runtime that have the same
 * identity have the same result.
 */
export function identityOf({ config, files }: Pick<LoadedScenario, 'config' | 'files'>): string {
  const facts = { version: VERSION, config, files: files.map(digestOfFile) };
  return createHash('sha256').update(canonical(facts)).digest('hex').slice(0, 32);
}

function digestOfFile(path: string): string {
  const { size, mtimeMs } = statSync(path);
  const key = `${path}\n${size}\n${mtimeMs}`;
  const known = digests.get(key);
  if (known !== undefined) return known;
  const digest = createHash('sha256').update(readFileSync(path)).digest('hex');
  digests.set(key, digest);
  return digest;
}

/**
 * Returns JSON in which the keys of every map are in order. Arrays of numbers come from files, whose digests are told
 * apart, so only their lengths are in it.
 */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    // JSON has no other numbers than these.
    if (typeof inner === 'number' && !Number.isFinite(inner)) return String(inner);
    if (ArrayBuffer.isView(inner)) return `${inner.byteLength} bytes`;
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
