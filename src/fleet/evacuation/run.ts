import type { EvacuationConfig } from './config.ts';
import type { EvacuationOptions, EvacuationReport } from './report.ts';

/** Empties a host: plays the whole evacuation and reports what became of each guest. */
export function runEvacuation(
  config: EvacuationConfig,
  _options?: EvacuationOptions,
): Promise<EvacuationReport> {
  return Promise.reject(new Error(`no ${config.runtime} runtime empties a host yet`));
}
