import { fileURLToPath } from 'node:url';
import type { ScenarioDocument } from '../../scenario/document.ts';
import { EVACUATION_FILES, withPortableFiles } from '../../scenario/files.ts';
import { foldersOf, loadNamed, type Override, type Preset, presets } from '../../scenario/load.ts';
import { explained, refuse } from '../../scenario/parse.ts';
import type { Scenario } from '../../scenario/schema.ts';
import { parseDuration } from '../../units/duration.ts';
import { parseRate } from '../../units/rate.ts';
import { checkFile, checkMemory, sourceOf } from './check.ts';
import type { EvacuationConfig } from './config.ts';
import { parseGroups, resolveGroups } from './guests.ts';
import { limitsOf } from './limits.ts';
import { type EvacuationFile, evacuationSchema } from './schema.ts';

/** src/fleet/evacuation and dist/fleet/evacuation lie equally deep below the package. */
export const EVACUATION_PRESET_FOLDER = fileURLToPath(
  new URL('../../../fixtures/evacuations', import.meta.url),
);

export interface LoadedEvacuation {
  /** The file with every default, as results keep it: the files that it names are found from any folder. */
  readonly file: EvacuationFile;
  /** The scenario of each guest with every default, in the order of `config.guests`. */
  readonly scenarios: readonly Scenario[];
  /** The same evacuation in numbers, as `runEvacuation` takes it. */
  readonly config: EvacuationConfig;
  /** The paths of the files that were read. */
  readonly files: readonly string[];
}

/** Returns the evacuations that come with the program. */
export const evacuationPresets = (): Preset[] => presets(EVACUATION_PRESET_FOLDER);

/**
 * Loads an evacuation: a name with `/`, `.yaml`, `.yml` or `.json` is a file, `-` is standard input,
 * and anything else is a preset. A result (`pageferry/evacuation@1`) stands for its scenario. `sets` override keys;
 * files that they name are relative to the working directory. Throws InputError.
 */
export function loadEvacuation(name: string, sets: readonly Override[] = []): LoadedEvacuation {
  return loadNamed(name, sets, loadEvacuationDocument, EVACUATION_PRESET_FOLDER);
}

/** Loads an evacuation from a document, whose paths are relative to `folder`. Throws InputError. */
export function loadEvacuationDocument(
  document: ScenarioDocument,
  folder: string,
): LoadedEvacuation {
  const file = parseFile(document);
  const groups = parseGroups(document, file);
  const { guests, scenarios } = resolveGroups(groups, file, folder, process.availableMemory());
  refuse(document, checkMemory(guests, process.availableMemory()));
  const { bandwidth, latency } = file.core;
  const config: EvacuationConfig = {
    seed: file.seed,
    runtime: file.runtime,
    hosts: file.hosts.map((host) => ({
      name: host.name,
      cpus: host.cpus === 'unlimited' ? Infinity : host.cpus,
      nicBytesPerSecond: parseRate(host.nic),
    })),
    source: sourceOf(file),
    core: { bytesPerSecond: parseRate(bandwidth), latencyNs: parseDuration(latency) },
    guests,
    limits: limitsOf(file.parallel),
    order: file.order,
  };
  const { value, files } = withPortableFiles(file, EVACUATION_FILES, foldersOf(document, folder));
  return { file: value, scenarios, config, files };
}

function parseFile(document: ScenarioDocument): EvacuationFile {
  const parsed = evacuationSchema.safeParse(document.value());
  if (!parsed.success) throw explained(document, parsed.error.issues, evacuationSchema);
  refuse(document, checkFile(parsed.data));
  return parsed.data;
}
