import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { VERSION } from '../../result/version.ts';
import type { LoadedScenario } from '../../scenario/load.ts';

/** The digests of files that scenarios name, by path, size and time of change. */
const digests = new Map<string, string>();

/**
 * Returns what tells a run from all others: a digest of its complete scenario, the contents of the files that this
 * names, and the program's version. Its name does not count, as it changes nothing. Runs over the virtual runtime that
 * have the same identity have the same result.
 */
export function identityOf({
  scenario,
  files,
}: Pick<LoadedScenario, 'scenario' | 'files'>): string {
  const { name: _, ...rest } = scenario as Record<string, unknown>;
  const facts = { version: VERSION, scenario: rest, files: files.map(digestOfFile) };
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

/** Returns JSON in which the keys of every map are in order. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
}
