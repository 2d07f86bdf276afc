import { availableParallelism } from 'node:os';
import { monotonicClock } from '../../clock/monotonic.ts';
import { buildResult } from '../../result/build.ts';
import { WriteError } from '../../result/write.ts';
import type { RunResult } from '../../result/schema.ts';
import { TaskPool } from '../../runtime/threads/pool.ts';
import { runThreads } from '../../runtime/threads/run.ts';
import type { Point, Sweep } from './load.ts';
import type { PlannedRun, SweepPlan } from './plan.ts';
import { programDigest } from './program.ts';
import { failureOf, recordOf, type RunRecord } from './rows.ts';
import type { Store } from './store.ts';
import type { RunEnd, SweepTasks } from './tasks.ts';

/** How many runs of a plan are in the store. */
export interface SweepProgress {
  readonly done: number;
  readonly all: number;
  readonly failed: number;
}

export interface SweepOptions {
  /** How many virtual runs are made at a time; by default as many as there are cores. */
  readonly threads?: number;
  readonly onProgress?: (progress: SweepProgress) => void;
  /** Aborting it ends the sweep; the runs that have ended are kept, those under way are lost. */
  readonly signal?: AbortSignal;
}

export interface SweepEnd {
  /** How many of the plan's runs have been made now, and how many the store had already. */
  readonly made: number;
  readonly reused: number;
  /** How many of the plan's runs failed, and in how many a byte differed, whenever they were made. */
  readonly failed: number;
  readonly differing: number;
  /** How many of the plan's runs are not in the store, since the sweep was ended before. */
  readonly missing: number;
}

/**
 * Makes the runs of a sweep that its store does not have, virtual ones over all cores and those in real time one by
 * one after them. A run that fails is recorded.
 */
export async function executeSweep(
  sweep: Sweep,
  { runs }: SweepPlan,
  store: Store,
  options: SweepOptions = {},
): Promise<SweepEnd> {
  const execution = new Execution(sweep, runs, store, options);
  await execution.run();
  return execution.end();
}

/** The modules of a worker and the heap of a run, for all workers. */
const PROGRAM_BYTES = 512 * 2 ** 20;

class Execution {
  readonly #sweep: Sweep;
  readonly #planned: readonly PlannedRun[];
  readonly #store: Store;
  readonly #options: SweepOptions;
  #reused = 0;
  #made = 0;
  #failed = 0;
  /** The memory that the runs under way occupy. */
  #takenBytes = 0;
  /** So much memory was free at the start, less what the program itself takes. */
  readonly #budgetBytes = process.availableMemory() - PROGRAM_BYTES;

  constructor(sweep: Sweep, planned: readonly PlannedRun[], store: Store, options: SweepOptions) {
    this.#sweep = sweep;
    this.#planned = planned;
    this.#store = store;
    this.#options = options;
  }

  async run(): Promise<void> {
    const missing = this.#planned.filter(({ id }) => !this.#store.has(id));
    this.#reused = this.#planned.length - missing.length;
    this.#tell();
    await this.#runVirtual(missing.filter(({ isVirtual }) => isVirtual));
    for (const planned of missing.filter(({ isVirtual }) => !isVirtual)) {
      if (this.#isStopped) return;
      await this.#make(planned, async ({ config, scenario }) => {
        const clock = monotonicClock();
        const startNs = clock.now();
        const { signal } = this.#options;
        const report = await runThreads(config, signal ? { signal } : {});
        const result = `${JSON.stringify(buildResult(scenario, report))}\n`;
        return { result, wallMs: (clock.now() - startNs) / 1e6 };
      });
    }
  }

  end(): SweepEnd {
    const records = this.#planned.map(({ id }) => this.#store.record(id));
    return {
      made: this.#made,
      reused: this.#reused,
      failed: records.filter((record) => record?.result['outcome'] === 'failed').length,
      differing: records.filter((record) => record?.result['verify_ok'] === false).length,
      missing: records.filter((record) => record === undefined).length,
    };
  }

  get #isStopped(): boolean {
    return this.#options.signal?.aborted === true;
  }

  async #runVirtual(planned: readonly PlannedRun[]): Promise<void> {
    if (planned.length === 0) return;
    const threads = Math.min(planned.length, this.#options.threads ?? availableParallelism());
    const pool = new TaskPool<SweepTasks>('lab/sweep/worker.js', threads);
    const { signal } = this.#options;
    const stop = (): void => void pool.destroy();
    signal?.addEventListener('abort', stop, { once: true });
    const queue = planned.toReversed();
    try {
      const work = async (): Promise<void> => {
        for (;;) {
          const next = queue.at(-1);
          if (!next || this.#isStopped) return;
          if (!this.#fits(next.bytes)) {
            await new Promise((resolve) => setTimeout(resolve, 50));
            continue;
          }
          queue.pop();
          this.#takenBytes += next.bytes;
          await this.#make(next, ({ config, scenario }) => pool.run('run', { config, scenario }));
          this.#takenBytes -= next.bytes;
        }
      };
      await Promise.all(Array.from({ length: threads }, work));
    } finally {
      signal?.removeEventListener('abort', stop);
      await pool.destroy();
    }
  }

  /** Whether one more run of this size fits the machine; a run alone has been checked against it already. */
  #fits(bytes: number): boolean {
    return this.#takenBytes === 0 || this.#takenBytes + bytes <= this.#budgetBytes;
  }

  /** Makes a run, unless the store has its result without a record, and adds it to the store. */
  async #make({ index, id }: PlannedRun, act: (point: Point) => Promise<RunEnd>): Promise<void> {
    const { label } = this.#sweep.place(index);
    const kept = this.#store.result(id);
    if (kept !== undefined) {
      this.#count(recordOf(id, label, JSON.parse(kept) as RunResult, 0));
      return;
    }
    let scenario: Record<string, unknown> = {};
    try {
      const point = this.#sweep.point(index)!;
      ({ scenario } = point);
      const { result, wallMs } = await act(point);
      if (this.#isStopped) return;
      const record = recordOf(id, label, JSON.parse(result) as RunResult, wallMs);
      this.#count({ ...record, program: programDigest() }, result);
    } catch (error) {
      if (this.#isStopped) return;
      // A store that can't be written to ends the sweep; everything else is the run's own failure.
      if (error instanceof WriteError) throw error;
      const message = error instanceof Error ? error.message : String(error);
      this.#count(failureOf(id, label, scenario, message));
    }
  }

  #count(record: RunRecord, result?: string): void {
    this.#store.add(record, result);
    this.#made++;
    if (record.result['outcome'] === 'failed') this.#failed++;
    this.#tell();
  }

  #tell(): void {
    const done = this.#reused + this.#made;
    this.#options.onProgress?.({ done, all: this.#planned.length, failed: this.#failed });
  }
}
