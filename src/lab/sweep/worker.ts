import { monotonicClock } from '../../clock/monotonic.ts';
import { buildResult } from '../../result/build.ts';
import { runVirtual } from '../../runtime/virtual/run.ts';
import type { RunEnd, RunTask } from './tasks.ts';

/** The entry of the worker threads that make the virtual runs of a sweep. They always run its compiled form. */

export async function run({ scenario, config }: RunTask): Promise<RunEnd> {
  const clock = monotonicClock();
  const startNs = clock.now();
  const report = await runVirtual(config);
  const result = `${JSON.stringify(buildResult(scenario, report))}\n`;
  return { result, wallMs: (clock.now() - startNs) / 1e6 };
}
