import { setTimeout as sleep } from 'node:timers/promises';
import type { RunConfig } from '../../src/runtime/config.ts';
import type { RunReport } from '../../src/runtime/report.ts';
import { type LiveView, type RunOptions, runThreads } from '../../src/runtime/threads/run.ts';
import { type Condition, isIn } from './losses.ts';

/** Holds when pages are being sent while the guest runs at the source. */
export const isSending: Condition = (view) =>
  view.phase === 'migrate' && isIn('live')(view) && view.figures.bytes > 0;

/**
 * Runs a configuration in threads and calls `act` once, as soon as the run's live view fulfils the condition. A busy
 * machine delays the call, but it comes in the same state of the run. Throws an Error when the run ends before that.
 */
export async function runUntil(
  config: RunConfig,
  options: RunOptions,
  condition: Condition,
  act: () => void,
): Promise<RunReport> {
  let readView: (() => LiveView) | undefined;
  let hasActed = false;
  const end = new AbortController();
  const watch = async (): Promise<void> => {
    while (!end.signal.aborted && !hasActed) {
      hasActed = readView !== undefined && condition(readView());
      if (hasActed) act();
      else await sleep(1);
    }
  };
  const onStart = (look: () => LiveView): void => void (readView = look);
  const run = runThreads(config, { ...options, onStart }).finally(() => end.abort());
  const [report] = await Promise.all([run, watch()]);
  if (!hasActed) throw new Error(`the run ended first: ${report.source.outcome}`);
  return report;
}
