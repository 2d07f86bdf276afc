import type { EvacuationConfig } from './config.ts';
import type { EvacuationOptions, EvacuationReport } from './report.ts';
import { VirtualEvacuation } from './virtual.ts';

/** Empties a host as its configuration says: on a virtual clock, or with real threads in real time. */
export async function runEvacuation(
  config: EvacuationConfig,
  options: EvacuationOptions = {},
): Promise<EvacuationReport> {
  return new VirtualEvacuation(config, options).run();
}
