import { FLEET_PRESET_FOLDER } from '../../fleet/datacentre/load.ts';
import { EVACUATION_PRESET_FOLDER } from '../../fleet/evacuation/load.ts';
import { HOST_PRESET_FOLDER } from '../../fleet/host/load.ts';
import { PROTECT_PRESET_FOLDER } from '../../fleet/protect/load.ts';
import { type Preset, presets as presetsIn } from '../../scenario/load.ts';
import { experimentNames, readExperiment } from '../papers/experiment.ts';
import { SWEEP_PRESET_FOLDER } from '../sweep/load.ts';

/** The kinds of presets, each of which is an input of a function of the library. */
export type PresetKind =
  'scenario' | 'evacuation' | 'host' | 'protection' | 'fleet' | 'sweep' | 'paper';

/** Returns what comes with the program and can be named without a file; scenarios by default. */
export function presets(kind: PresetKind = 'scenario'): readonly Preset[] {
  switch (kind) {
    case 'evacuation':
      return presetsIn(EVACUATION_PRESET_FOLDER);
    case 'host':
      return presetsIn(HOST_PRESET_FOLDER);
    case 'protection':
      return presetsIn(PROTECT_PRESET_FOLDER);
    case 'fleet':
      return presetsIn(FLEET_PRESET_FOLDER);
    case 'sweep':
      return presetsIn(SWEEP_PRESET_FOLDER);
    case 'paper':
      return experimentNames().map((name) => ({ name, summary: readExperiment(name).title }));
    default:
      return presetsIn();
  }
}
