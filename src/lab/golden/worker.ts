import { digestOfPreset, digestOfSeeds, digestsOfPredictions } from './digests.ts';
import type { GoldenTasks } from './tasks.ts';

/** The entry of the worker threads that make digests. They always run the compiled form of this file. */

type Handlers = {
  readonly [Name in keyof GoldenTasks]: (
    task: GoldenTasks[Name][0],
  ) => Promise<GoldenTasks[Name][1]>;
};

export const seeds: Handlers['seeds'] = (group) => digestOfSeeds(group);
export const prediction: Handlers['prediction'] = (id) => digestsOfPredictions([id]);
export const preset: Handlers['preset'] = (name) => digestOfPreset(name);
