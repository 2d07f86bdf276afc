import { FLEET_PRESET_FOLDER, loadFleetDocument } from '../../fleet/datacentre/load.ts';
import type { FleetPolicy } from '../../fleet/datacentre/policies/policy.ts';
import type { FleetProgress } from '../../fleet/datacentre/report.ts';
import { buildFleetResult } from '../../fleet/datacentre/result.ts';
import type { FleetResult } from '../../fleet/datacentre/result-schema.ts';
import { runFleet } from '../../fleet/datacentre/run.ts';
import { type InputOptions, playInput } from './input.ts';
import type { FleetInput } from './scenario-input.ts';

export interface FleetOptions extends InputOptions {
  /** A policy of one's own, in place of the input's. */
  readonly policy?: FleetPolicy | undefined;
  /** Aborting it ends the fleet: migrations under way are cancelled. */
  readonly signal?: AbortSignal | undefined;
  /** Called at the end of each interval. */
  readonly onProgress?: ((progress: FleetProgress) => void) | undefined;
}

/**
 * Lets a data centre live, whose policy moves its guests, and proves every migration. The fleet is an object, the name
 * of a preset, a file, or a result to run again. Rejects with InputError when it is wrong.
 */
export async function fleet(
  given: FleetInput | FleetResult | string,
  options: FleetOptions = {},
): Promise<FleetResult> {
  const { policy, signal, onProgress } = options;
  signal?.throwIfAborted();
  const input = { what: 'fleet', given, blamed: 'guests' };
  return playInput(input, options, FLEET_PRESET_FOLDER, async ({ document, folder }) => {
    const loaded = loadFleetDocument(document, folder);
    const report = await runFleet(loaded.config, {
      ...(policy ? { policy } : {}),
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress } : {}),
    });
    return buildFleetResult(loaded, report);
  });
}
