import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json; src/lab/bench and dist/lab/bench lie equally deep below it. */
export const PROGRAM_ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Runs git on the program's own checkout; undefined when that says no, or there is none. */
export function git(...args: readonly string[]): string | undefined {
  // A package in somebody's node_modules lies in a repository too, but not in one of its own.
  if (!existsSync(join(PROGRAM_ROOT, '.git'))) return undefined;
  try {
    return execFileSync('git', ['-C', PROGRAM_ROOT, ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}

/** The commit of the program's checkout, with a + when tracked files have been changed since. */
export function commitOf(): string | undefined {
  const commit = git('rev-parse', 'HEAD');
  if (commit === undefined) return undefined;
  return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}+`;
}
