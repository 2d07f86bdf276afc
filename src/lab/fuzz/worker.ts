import { fuzz } from './fuzz.ts';
import type { FuzzTasks } from './tasks.ts';

/** The entry of the fuzzer's worker threads. They always run the compiled form of this file. */
export const play = (seed: FuzzTasks['play'][0]): Promise<FuzzTasks['play'][1]> => fuzz(seed);
