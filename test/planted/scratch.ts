import { spawn } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** What a scratch copy does without: it links node_modules and builds its own dist. */
const LEFT_OUT = new Set(['node_modules', '.git', 'dist', 'dist-bench', 'coverage']);

/** How a command has ended; `timedOut` when it was stopped because it took too long. */
export interface Ended {
  readonly code: number | null;
  readonly timedOut: boolean;
  readonly output: string;
}

/** A copy of the checkout in which one bug at a time is planted. */
export class Scratch {
  readonly root: string;
  readonly #running: Set<number>;

  /** Copies the checkout at `from` to `root`. `running` holds the ids of process groups that are to be stopped. */
  constructor(from: string, root: string, running: Set<number>) {
    this.root = root;
    this.#running = running;
    const isTaken = (path: string): boolean => !LEFT_OUT.has(relative(from, path).split('/')[0]!);
    cpSync(from, root, { recursive: true, filter: isTaken });
    symlinkSync(join(from, 'node_modules'), join(root, 'node_modules'));
  }

  /** Edits a file with `edit` while `act` runs. Throws what `edit` throws, before anything has been changed. */
  async withEdit<Result>(
    file: string,
    edit: (text: string) => string,
    act: () => Promise<Result>,
  ): Promise<Result> {
    const path = join(this.root, file);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, edit(text));
    try {
      return await act();
    } finally {
      writeFileSync(path, text);
    }
  }

  /**
   * Compiles src to dist, from which worker threads and the built CLI run. A planted bug may break the rules of types;
   * the compiler emits the code all the same, so its exit code says nothing here.
   */
  async build(): Promise<void> {
    await this.node(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], 600_000);
  }

  /** Runs Node with these arguments in the copy, and stops it with all its children after `limitMs`. */
  node(args: readonly string[], limitMs: number): Promise<Ended> {
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, args, { cwd: this.root, detached: true });
      const group = child.pid ?? 0;
      this.#running.add(group);
      let output = '';
      let timedOut = false;
      const timer = setTimeout(() => {
        timedOut = true;
        stopGroup(group);
      }, limitMs);
      const take = (data: Buffer): void => void (output += data.toString());
      child.stdout.on('data', take);
      child.stderr.on('data', take);
      child.on('error', reject);
      child.on('close', (code) => {
        clearTimeout(timer);
        this.#running.delete(group);
        resolve({ code, timedOut, output });
      });
    });
  }
}

/** Stops a process and its children; one that has ended already is no error. */
export function stopGroup(group: number): void {
  try {
    if (group > 0) process.kill(-group, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
