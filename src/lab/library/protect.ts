import { loadProtectDocument, PROTECT_PRESET_FOLDER } from '../../fleet/protect/load.ts';
import { playProtection } from '../../fleet/protect/play.ts';
import { buildProtectResult } from '../../fleet/protect/result.ts';
import type { ProtectResult } from '../../fleet/protect/result-schema.ts';
import { type InputOptions, playInput } from './input.ts';
import type { ProtectionInput } from './scenario-input.ts';

/** How far a protected guest is. */
export interface ProtectProgress {
  /** The time of the guest's clock, and how long it lives by that. */
  readonly elapsedMs: number;
  readonly durationMs: number;
  /** The epoch that has been acknowledged last, which counts from 0 for each pair of hosts, and its dirty pages. */
  readonly epoch: number;
  readonly pages: number;
}

export interface ProtectOptions extends InputOptions {
  /** Aborting it ends everything; what has happened so far has a result, which says `cancelled`. */
  readonly signal?: AbortSignal | undefined;
  /** Called for each epoch that the backup has acknowledged. */
  readonly onProgress?: ((progress: ProtectProgress) => void) | undefined;
}

/**
 * Replicates a guest continuously, lets its hosts fail as the input says, and proves what goes on. The input is an
 * object, the name of a preset, a file, or a result to run again. A guest that is lost has a result too, and so has one
 * that loses a byte or a packet (`ok`). Rejects with InputError when the input is wrong.
 */
export async function protect(
  protection: ProtectionInput | ProtectResult | string,
  options: ProtectOptions = {},
): Promise<ProtectResult> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const input = { what: 'protection', given: protection, blamed: 'guest' };
  return playInput(input, options, PROTECT_PRESET_FOLDER, async ({ document, folder }) => {
    const loaded = loadProtectDocument(document, folder);
    const durationMs = loaded.config.durationNs / 1e6;
    const report = await playProtection(loaded.config, {
      ...(signal ? { signal } : {}),
      onEpoch({ epoch, pages }, nowNs) {
        onProgress?.({ elapsedMs: nowNs / 1e6, durationMs, epoch, pages });
      },
    });
    return buildProtectResult(loaded, report);
  });
}
