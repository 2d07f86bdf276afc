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

/** After an abort, the processes of a build have this long to end by themselves. */
const GRACE_MS = 200;

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

/**
 * Runs a command and always waits for its end, even after an abort: its folder is removed next. It leads a group of
 * processes, so that an abort ends what it has started as well, such as the compiler that npm runs.
 */
async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  signal: AbortSignal,
): Promise<void> {
  const stdio = ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'];
  const child = spawn(command, args, { cwd, stdio, detached: true });
  let timer: NodeJS.Timeout | undefined;
  const kill = (): void => endGroup(child.pid, 'SIGKILL');
  const stop = (): void => {
    endGroup(child.pid, 'SIGTERM');
    // TypeScript's compiler goes on to its usual end after the milder signal.
    timer = setTimeout(kill, GRACE_MS);
  };
  signal.addEventListener('abort', stop, { once: true });
  process.once('exit', kill);
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
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
    process.off('exit', kill);
  }
}

/** Ends the group of processes that one leads. */
function endGroup(leader: number | undefined, name: 'SIGTERM' | 'SIGKILL'): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, name);
  } catch (error) {
    // All of them have ended meanwhile.
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
