import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import type { Tasks } from './tasks.ts';

/**
 * Workers always run compiled code. src/runtime/threads and dist/runtime/threads lie equally deep,
 * so this one path is right whether this file runs from source (under the test runner) or from
 * dist; the tests build dist before they start.
 */
const WORKER_FILE = fileURLToPath(
  new URL('../../../dist/runtime/threads/worker.js', import.meta.url),
);

/** Worker threads for runs, all started. A run's vCPUs and engines each occupy one until it ends. */
export class WorkerPool {
  readonly threads: number;
  readonly #piscina: Piscina;

  constructor(threads: number) {
    if (!existsSync(WORKER_FILE)) throw new Error('the workers are not built: run `npm run build`');
    this.threads = threads;
    this.#piscina = new Piscina({
      filename: WORKER_FILE,
      minThreads: threads,
      maxThreads: threads,
      concurrentTasksPerWorker: 1,
      recordTiming: false,
    });
  }

  run<Name extends keyof Tasks>(name: Name, task: Tasks[Name][0]): Promise<Tasks[Name][1]> {
    return this.#piscina.run(task, { name }) as Promise<Tasks[Name][1]>;
  }

  /** Ends the threads, whatever they are doing. */
  async destroy(): Promise<void> {
    await this.#piscina.destroy();
  }

  /** Kills one busy thread, as a crash would: for tests of what happens then. */
  async killThread(index: number): Promise<void> {
    await this.#piscina.threads[index]?.terminate();
  }
}
