import type { RunConfig } from '../../runtime/config.ts';
import type { Scenario } from '../../scenario/schema.ts';

export interface RunTask {
  readonly scenario: Scenario;
  readonly config: RunConfig;
}

/** What a run of a sweep ends with. */
export interface RunEnd {
  /** The result as JSON. */
  readonly result: string;
  readonly wallMs: number;
}

/** The tasks of the worker threads that make the virtual runs of a sweep. */
export interface SweepTasks {
  readonly run: readonly [RunTask, RunEnd];
}
