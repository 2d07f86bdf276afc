import { availableParallelism } from 'node:os';
import { InputError } from '../../scenario/input-error.ts';
import { virtualRunBytes } from '../../scenario/resolve.ts';
import { formatSize } from '../../units/size.ts';
import type { RunResult } from '../../result/schema.ts';
import type { RunConfig } from '../../runtime/config.ts';
import { TaskPool } from '../../runtime/threads/pool.ts';
import type { Scenario } from '../../scenario/schema.ts';
import type { SweepTasks } from '../sweep/tasks.ts';
import { outcomeOf, type RunOutcome } from './outcome.ts';

/** A run that is to be made; its configuration is scaled already. */
export interface PlannedRun {
  readonly scenario: Scenario;
  readonly config: RunConfig;
  readonly scale: number;
}

/** Makes runs, and returns their outcomes in the same order. */
export type Play = (runs: readonly PlannedRun[]) => Promise<RunOutcome[]>;

/** Says that the user has ended the work before it was done. */
export class InterruptedError extends Error {
  override readonly name = 'InterruptedError';
}

/** Makes virtual runs on worker threads, on all cores by default. */
export class Players {
  readonly #pool: TaskPool<SweepTasks>;
  readonly #onRun: () => void;
  readonly #signal: AbortSignal | undefined;
  readonly #availableBytes: number;

  /** `onRun` is called after each run. Aborting `signal` ends all runs, and `play` throws InterruptedError then. */
  constructor(
    onRun: () => void = () => undefined,
    signal?: AbortSignal,
    threads: number = availableParallelism(),
    availableBytes: number = process.availableMemory(),
  ) {
    this.#availableBytes = availableBytes;
    this.#pool = new TaskPool<SweepTasks>('lab/sweep/worker.js', threads);
    this.#onRun = onRun;
    this.#signal = signal;
    signal?.addEventListener('abort', () => void this.#pool.destroy(), { once: true });
  }

  readonly play: Play = async (runs) => {
    const threads = this.#threadsFor(runs);
    const outcomes: RunOutcome[] = Array.from({ length: runs.length });
    const left = [...runs.entries()].toReversed();
    const work = async (): Promise<void> => {
      for (let next = left.pop(); next; next = left.pop()) {
        const [index, run] = next;
        outcomes[index] = await this.#one(run);
        this.#onRun();
      }
    };
    await Promise.all(Array.from({ length: threads }, work));
    return outcomes;
  };

  /** Returns how many of the runs fit into the memory of this machine at once. Throws InputError when not even one does. */
  #threadsFor(runs: readonly PlannedRun[]): number {
    const needBytes = runs.reduce(
      (most, { config: { guest } }) => Math.max(most, virtualRunBytes(guest)),
      1,
    );
    const fit = Math.floor(this.#availableBytes / needBytes);
    if (fit >= 1) return Math.min(this.#pool.threads, fit);
    const sentence =
      `a run of this VM needs ${formatSize(needBytes)}, this machine has ` +
      `${formatSize(this.#availableBytes)} free: ask about a smaller VM`;
    throw new InputError([{ place: '--memory', key: '', sentence }]);
  }

  async #one({ scenario, config, scale }: PlannedRun): Promise<RunOutcome> {
    this.#signal?.throwIfAborted();
    try {
      const { result } = await this.#pool.run('run', { scenario, config });
      return outcomeOf(JSON.parse(result) as RunResult, config, scale);
    } catch (error) {
      if (this.#signal?.aborted) throw new InterruptedError('interrupted');
      throw error;
    }
  }

  async end(): Promise<void> {
    await this.#pool.destroy();
  }
}
