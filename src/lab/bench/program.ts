import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json; src/lab/bench and dist/lab/bench are both three levels below it. */
export const PROGRAM_ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Runs git on the program's own checkout. Returns its output; undefined when git fails or there is no checkout. */
export function git(...args: readonly string[]): string | undefined {
  // A package in somebody's node_modules may be inside that project's repository, which is not its own.
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

/** Returns the commit of the program's checkout, with a + when tracked files have been changed since. */
export function commitOf(): string | undefined {
  const commit = git('rev-parse', 'HEAD');
  if (commit === undefined) return undefined;
  return git('status', '--porcelain', '--untracked-files=no') === '' ? commit : `${commit}+`;
}
