/** The tasks of the worker threads that make digests: for each name, what it takes and what it returns. */
export interface GoldenTasks {
  /** Digests a group of the fuzzer's seeds, by its number. */
  readonly seeds: readonly [number, string];
  /** Digests the prediction of a measured migration, by its id; there is none for one that can't be predicted. */
  readonly prediction: readonly [string, Readonly<Record<string, string>>];
  /** Digests a preset's result, by its name. */
  readonly preset: readonly [string, string];
}

/** Runs a task in one of several threads. */
export type RunTask = <Name extends keyof GoldenTasks>(
  name: Name,
  task: GoldenTasks[Name][0],
) => Promise<GoldenTasks[Name][1]>;
