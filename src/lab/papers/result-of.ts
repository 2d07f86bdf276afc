import { runVirtual } from '../../runtime/virtual/run.ts';
import type { RunReport } from '../../runtime/report.ts';
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

/** A run and its result; one that does not end as it should is no figure. */
export async function runOf({
  scenario,
  config,
}: LoadedScenario): Promise<{ report: RunReport; result: RunResult }> {
  const report = await runVirtual({ ...config, runtime: 'virtual' });
  const result = buildResult(scenario, report);
  if (result.outcome !== 'completed') throw new Error(`a run ended ${result.outcome}`);
  if (result.verify?.ok === false) throw new Error('a run lost a byte');
  return { report, result };
}

export async function resultOf(loaded: LoadedScenario): Promise<RunResult> {
  return (await runOf(loaded)).result;
}
