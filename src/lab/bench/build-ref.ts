import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { InputError } from '../../scenario/input-error.ts';
import { git, PROGRAM_ROOT } from './program.ts';

/** Another version of the program, built in a folder of its own. */
export interface BuiltRef {
  readonly commit: string;
  /** Path of its command-line program, a script for node. */
  readonly cli: string;
  dispose(): void;
}

/** Returns the commit that a git reference names in the program's own checkout; undefined if none. */
export function commitNamed(ref: string): string | undefined {
  // Git would take a reference that begins with a dash for an option.
  if (ref.startsWith('-')) return undefined;
  return git('rev-parse', '--verify', '--quiet', `${ref}^{commit}`);
}

/**
 * Builds the program as it was at a commit, in a temporary folder that `dispose`, or the end of this
 * process, removes. Its dependencies are this checkout's when the lock files agree, else they are
 * installed. Throws InputError when that version can't be built.
 */
export async function buildRef(
  ref: string,
  commit: string,
  signal: AbortSignal,
): Promise<BuiltRef> {
  const folder = mkdtempSync(join(tmpdir(), 'pageferry-ref-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  process.once('exit', remove);
  const dispose = (): void => {
    process.off('exit', remove);
    remove();
  };
  try {
    const archive = join(folder, 'source.tar');
    await run('git', ['-C', PROGRAM_ROOT, 'archive', '-o', archive, commit], folder, signal);
    await run('tar', ['-xf', archive], folder, signal);
    await install(folder, signal);
    return { commit, cli: join(folder, 'dist', 'cli', 'main.js'), dispose };
  } catch (error) {
    dispose();
    if (signal.aborted) throw error;
    const sentence = `could not be built: ${(error as Error).message}`;
    throw new InputError([{ place: ref, key: '', sentence }]);
  }
}

const lockOf = (root: string): string => readFileSync(join(root, 'package-lock.json'), 'utf8');

async function install(folder: string, signal: AbortSignal): Promise<void> {
  if (lockOf(folder) !== lockOf(PROGRAM_ROOT)) {
    // The package's `prepare` script, which npm runs after installing, builds it.
    await run('npm', ['ci', '--no-audit', '--no-fund'], folder, signal);
    return;
  }
  symlinkSync(join(PROGRAM_ROOT, 'node_modules'), join(folder, 'node_modules'), 'dir');
  await run('npm', ['run', '--silent', 'build'], folder, signal);
}

/** Runs a command and always waits for its end, even after an abort: its folder is removed next. */
async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  signal: AbortSignal,
): Promise<void> {
  const child = spawn(command, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = (): void => void child.kill();
  signal.addEventListener('abort', stop, { once: true });
  try {
    const exit = new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    const [output, errors, code] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      exit,
    ]);
    signal.throwIfAborted();
    const said = `${output}${errors}`.trim().split('\n').slice(-3).join(' ');
    if (code !== 0) throw new Error(said || `${command} ended with code ${code}`);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
