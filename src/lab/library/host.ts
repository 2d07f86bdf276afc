import { HOST_PRESET_FOLDER, loadHostDocument } from '../../fleet/host/load.ts';
import type { HostResult } from '../../fleet/host/result-schema.ts';
import { buildHostResult } from '../../fleet/host/result.ts';
import { runHost } from '../../fleet/host/run.ts';
import type { MemoryState } from '../../overcommit/memory-state.ts';
import { type InputOptions, playInput } from './input.ts';
import type { HostInput } from './scenario-input.ts';

/** How far an overcommitted host is. */
export interface HostProgress {
  /** The time of the virtual clock, and how long the host lives by it. */
  readonly elapsedMs: number;
  readonly durationMs: number;
  readonly freeBytes: number;
  readonly state: MemoryState;
}

export interface HostOptions extends InputOptions {
  /** Aborting it ends the host; what it has done so far has a result, which says `cancelled`. */
  readonly signal?: AbortSignal | undefined;
  /** Called at each sample. */
  readonly onProgress?: ((progress: HostProgress) => void) | undefined;
}

/**
 * Lets an overcommitted host live and proves its guests. The host is an object, the name of a preset, a file, or a
 * result to run again. A host that can't go on has a result too (`failed`), and so has one that loses a byte (`ok`).
 * Rejects with InputError when it is wrong.
 */
export async function host(
  given: HostInput | HostResult | string,
  options: HostOptions = {},
): Promise<HostResult> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const input = { what: 'host', given, blamed: 'guests' };
  return playInput(input, options, HOST_PRESET_FOLDER, async ({ document, folder }) => {
    const loaded = loadHostDocument(document, folder);
    const { durationNs, host: of } = loaded.config;
    const report = await runHost(loaded.config, {
      ...(signal ? { signal } : {}),
      onSample({ atNs, freePages, state }) {
        const freeBytes = freePages * of.pageSize;
        onProgress?.({ elapsedMs: atNs / 1e6, durationMs: durationNs / 1e6, freeBytes, state });
      },
    });
    return buildHostResult(loaded, report);
  });
}
