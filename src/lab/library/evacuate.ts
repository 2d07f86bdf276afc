import { EVACUATION_PRESET_FOLDER, loadEvacuationDocument } from '../../fleet/evacuation/load.ts';
import { withParallel } from '../../fleet/evacuation/limits.ts';
import type { EvacuationProgress } from '../../fleet/evacuation/report.ts';
import type { EvacuationResult } from '../../fleet/evacuation/result-schema.ts';
import { buildEvacuationResult } from '../../fleet/evacuation/result.ts';
import { runEvacuation } from '../../fleet/evacuation/run.ts';
import { InputError } from '../../scenario/input-error.ts';
import { type InputOptions, playInput } from './input.ts';
import type { EvacuationInput } from './scenario-input.ts';

export interface EvacuateOptions extends InputOptions {
  /** How many guests migrate at a time, in place of the limits of the input. */
  readonly parallel?: number | undefined;
  /** Aborting it cancels all migrations; guests that have not moved stay where they are. */
  readonly signal?: AbortSignal | undefined;
  /** Called now and then while the host is emptied. */
  readonly onProgress?: ((progress: EvacuationProgress) => void) | undefined;
}

/**
 * Empties a host. The evacuation is an object, the name of a preset, a file, or a result to run again. Rejects with
 * InputError when it is wrong, and with RunSetupError when the machine can't run it.
 */
export async function evacuate(
  evacuation: EvacuationInput | EvacuationResult | string,
  options: EvacuateOptions = {},
): Promise<EvacuationResult> {
  const { parallel, signal, onProgress } = options;
  signal?.throwIfAborted();
  if (parallel !== undefined && !(Number.isSafeInteger(parallel) && parallel >= 1)) {
    const sentence = `expected a whole number from 1 on, got ${parallel}`;
    throw new InputError([{ place: 'parallel', key: '', sentence }]);
  }
  const input = { what: 'evacuation', given: evacuation, blamed: 'guests' };
  return playInput(input, options, EVACUATION_PRESET_FOLDER, async ({ document, folder }) => {
    const loaded = loadEvacuationDocument(document, folder);
    const config =
      parallel === undefined
        ? loaded.config
        : { ...loaded.config, limits: withParallel(loaded.config.limits, parallel) };
    const report = await runEvacuation(config, {
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress } : {}),
    });
    return buildEvacuationResult({ ...loaded, config }, report);
  });
}
