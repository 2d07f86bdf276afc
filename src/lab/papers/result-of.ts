import { runVirtual } from '../../runtime/virtual/run.ts';
import { buildResult } from '../../result/build.ts';
import type { RunResult } from '../../result/schema.ts';
import type { LoadedScenario } from '../../scenario/load.ts';

/** Told of every run that an experiment has made. */
export type OnRun = (done: number, all: number) => void;

/** What a function finds in the file of its experiment. */
export interface Given {
  /** The file's scenario, with overrides as `--set` takes them. */
  readonly load: (sets?: readonly string[]) => LoadedScenario;
  readonly data: unknown;
}

/** A run that does not end as it should is no figure. */
export async function resultOf({ scenario, config }: LoadedScenario): Promise<RunResult> {
  const result = buildResult(scenario, await runVirtual({ ...config, runtime: 'virtual' }));
  if (result.outcome !== 'completed') throw new Error(`a run ended ${result.outcome}`);
  if (result.verify?.ok === false) throw new Error('a run lost a byte');
  return result;
}
