import type { EvacuationConfig } from './config.ts';
import type { EvacuationOptions, EvacuationReport } from './report.ts';
import { ThreadEvacuation } from './threads.ts';
import { VirtualEvacuation } from './virtual.ts';

/** Empties a host as its configuration says: on a virtual clock, or with real threads in real time. */
export async function runEvacuation(
  config: EvacuationConfig,
  options: EvacuationOptions = {},
): Promise<EvacuationReport> {
  const evacuation =
    config.runtime === 'virtual'
      ? new VirtualEvacuation(config, options)
      : new ThreadEvacuation(config, options);
  return evacuation.run();
}
