import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Tasks } from './tasks.ts';

/**
 * Workers always run compiled code. src/runtime/threads and dist/runtime/threads lie equally deep,
 * so this one path is right whether this file runs from source (under the test runner) or from
 * dist; the tests build dist before they start.
 */
const DIST = new URL('../../../dist/', import.meta.url);
/** A thread that has not loaded its module after this time has failed to. */
const LONGEST_LOAD_MS = 10_000;

/** The tasks that a worker knows: each name's task and its answer. */
export type TaskTypes<Names> = { readonly [Name in keyof Names]: readonly [unknown, unknown] };

/** A pool of worker threads. All are started at once, and each does one task at a time. */
export class TaskPool<Known extends TaskTypes<Known>> {
  readonly threads: number;
  readonly #piscina: Piscina;
  #ready = 0;
  #onReady: () => void = () => undefined;

  /** `worker` is the path of the workers' module below dist. Throws an Error when it has not been built. */
  constructor(worker: string, threads: number) {
    const filename = fileURLToPath(new URL(worker, DIST));
    if (!existsSync(filename)) throw new Error('the workers are not built: run `npm run build`');
    this.threads = threads;
    this.#piscina = new Piscina({
      filename,
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: 1,
      recordTiming: false,
    });
    for (const thread of this.#piscina.threads) {
      // Its first message says that it has loaded its module; answers to tasks go another way.
      thread.once('message', () => {
        this.#ready++;
        this.#onReady();
      });
    }
  }

  run<Name extends keyof Known & string>(
    name: Name,
    task: Known[Name][0],
  ): Promise<Known[Name][1]> {
    return this.#piscina.run(task, { name }) as Promise<Known[Name][1]>;
  }

  /** Ends all threads, whatever they are doing. */
  async destroy(): Promise<void> {
    await this.#loaded();
    await this.#piscina.destroy();
  }

  /**
   * Resolves when all threads have loaded their module, or after a time. Node 20 aborts the whole process when a thread is
   * ended in the middle of that ("IsGraphAsync must be used on an instantiated module").
   */
  async #loaded(): Promise<void> {
    if (this.#ready >= this.threads) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, LONGEST_LOAD_MS);
      this.#onReady = () => {
        if (this.#ready < this.threads) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Kills one thread, as a crash would; this is for tests of what happens then. */
  async killThread(index: number): Promise<void> {
    await this.#piscina.threads[index]?.terminate();
  }
}

/** A pool of worker threads for runs. Each vCPU and each engine of a run occupies a thread until the run ends. */
export class WorkerPool extends TaskPool<Tasks> {
  constructor(threads: number) {
    super('runtime/threads/worker.js', threads);
  }
}
