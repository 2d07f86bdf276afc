import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { InputError } from '../../scenario/input-error.ts';
import { git, PROGRAM_ROOT } from './program.ts';

/** Another version of the program, built in a folder of its own. */
export interface BuiltRef {
  readonly commit: string;
  /** Its command line, for node. */
  readonly cli: string;
  dispose(): void;
}

const MOST_ARCHIVE_BYTES = 1024 * 1024 * 1024;

/** The commit that a git reference names in the program's own checkout; undefined when it names none. */
export function commitNamed(ref: string): string | undefined {
  // A reference that begins with a dash would be an option.
  if (ref.startsWith('-')) return undefined;
  return git('rev-parse', '--verify', '--quiet', `${ref}^{commit}`);
}

/**
 * Builds the program as it was at a commit, in a temporary folder that `dispose` removes. Its
 * dependencies are this checkout's when the lock files agree, else they are installed. Throws
 * InputError when that version can't be built.
 */
export async function buildRef(
  ref: string,
  commit: string,
  signal: AbortSignal,
): Promise<BuiltRef> {
  const folder = mkdtempSync(join(tmpdir(), 'pageferry-ref-'));
  const dispose = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    const archive = execFileSync('git', ['-C', PROGRAM_ROOT, 'archive', commit], {
      maxBuffer: MOST_ARCHIVE_BYTES,
    });
    execFileSync('tar', ['-x', '-C', folder], { input: archive });
    await install(folder, signal);
    return { commit, cli: join(folder, 'dist', 'cli', 'main.js'), dispose };
  } catch (error) {
    dispose();
    if (signal.aborted) throw error;
    const { stderr, message } = error as { stderr?: string; message: string };
    const why = (stderr?.toString().trim() || message).split('\n').slice(-3).join(' ');
    throw new InputError([{ place: ref, key: '', sentence: `could not be built: ${why}` }]);
  }
}

const lockOf = (root: string): string => readFileSync(join(root, 'package-lock.json'), 'utf8');

async function install(folder: string, signal: AbortSignal): Promise<void> {
  const npm = async (...args: string[]): Promise<void> => {
    await promisify(execFile)('npm', args, { cwd: folder, signal });
  };
  if (lockOf(folder) !== lockOf(PROGRAM_ROOT)) {
    // Its `prepare` builds.
    await npm('ci', '--no-audit', '--no-fund');
    return;
  }
  const modules = join(PROGRAM_ROOT, 'node_modules');
  symlinkSync(modules, join(folder, 'node_modules'), 'dir');
  await npm('run', '--silent', 'build');
}
