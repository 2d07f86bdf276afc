import { EVACUATION_PRESET_FOLDER } from '../../fleet/evacuation/load.ts';
import { type Preset, presets as presetsIn } from '../../scenario/load.ts';
import { experimentNames, readExperiment } from '../papers/experiment.ts';
import { SWEEP_PRESET_FOLDER } from '../sweep/load.ts';

/** Returns what comes with the program and can be named without a file; scenarios by default. */
export function presets(
  kind: 'scenario' | 'evacuation' | 'sweep' | 'paper' = 'scenario',
): readonly Preset[] {
  switch (kind) {
    case 'evacuation':
      return presetsIn(EVACUATION_PRESET_FOLDER);
    case 'sweep':
      return presetsIn(SWEEP_PRESET_FOLDER);
    case 'paper':
      return experimentNames().map((name) => ({ name, summary: readExperiment(name).title }));
    default:
      return presetsIn();
  }
}
