import { type ChildProcess, fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Order, Told } from './protocol.ts';

/** Processes always run the compiled form of their entry. */
const ENTRY = fileURLToPath(
  new URL('../../../../dist/lab/fuzz/processes/child.js', import.meta.url),
);

/** A process of a campaign, which outlives migrations but not a kill. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #told: Told[] = [];
  readonly #waiting = new Set<() => void>();
  #stderr = '';
  #isDead = false;

  /** Throws an Error when the program has not been built. */
  constructor() {
    if (!existsSync(ENTRY)) throw new Error('the processes are not built: run `npm run build`');
    this.#child = fork(ENTRY, [], { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] });
    this.#child.stderr!.on('data', (chunk: Buffer) => {
      this.#stderr = `${this.#stderr}${chunk.toString()}`.slice(-2000);
    });
    this.#child.on('message', (told: Told) => {
      this.#told.push(told);
      this.#look();
    });
    this.#child.on('exit', () => {
      this.#isDead = true;
      this.#look();
    });
    // A process ends when its player is gone, so that it need not keep the player.
    this.#child.unref();
    (this.#child.stderr as { unref?: () => void }).unref?.();
    this.#child.channel?.unref();
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** What it has written to stderr last; it writes nothing unless something is wrong. */
  get stderr(): string {
    return this.#stderr;
  }

  order(order: Order): void {
    if (!this.#isDead) this.#child.send(order, () => undefined);
  }

  /** Returns the first thing that it has told so far and that fits. */
  find<One extends Told>(fits: (told: Told) => told is One): One | undefined {
    return this.#told.find(fits);
  }

  /** Resolves to what fits once it tells that; to undefined when it is dead, or after the timeout. */
  async await<One extends Told>(
    fits: (told: Told) => told is One,
    timeoutMs: number,
  ): Promise<One | undefined> {
    return new Promise((resolve) => {
      const end = (found: One | undefined): void => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve(found);
      };
      const look = (): void => {
        const found = this.find(fits);
        if (found || this.#isDead) end(found);
      };
      const timer = setTimeout(() => end(undefined), timeoutMs);
      this.#waiting.add(look);
      look();
    });
  }

  /** Kills it at once, as a crash would (SIGKILL). */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #look(): void {
    for (const look of this.#waiting) look();
  }
}
