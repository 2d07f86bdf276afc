import { encoded } from './encodings.ts';
import {
  fuzz,
  fuzzChannels,
  fuzzDevices,
  fuzzEncodings,
  fuzzHints,
  fuzzParts,
  fuzzXbzrle,
} from './fuzz.ts';
import { fuzzProcesses } from './processes/play.ts';
import { fuzzHostile } from './hostile/play.ts';
import { fuzzProtection } from './protections/play.ts';
import { fuzzStream } from './streams.ts';
import type { FuzzTasks } from './tasks.ts';

/** The entry of the fuzzer's worker threads. They always run the compiled form of this file. */

type Handlers = {
  readonly [Name in keyof FuzzTasks]: (task: FuzzTasks[Name][0]) => Promise<FuzzTasks[Name][1]>;
};

export const play: Handlers['play'] = (seed) => fuzz(seed);
export const playHostile: Handlers['playHostile'] = (seed) => fuzzHostile(seed);
export const playStream: Handlers['playStream'] = (seed) => fuzzStream(seed);
export const playEncodedStream: Handlers['playEncodedStream'] = (seed) => fuzzStream(seed, encoded);
export const playParts: Handlers['playParts'] = (seed) => fuzzParts(seed);
export const playDevices: Handlers['playDevices'] = (seed) => fuzzDevices(seed);
export const playXbzrle: Handlers['playXbzrle'] = (seed) => fuzzXbzrle(seed);
export const playEncodings: Handlers['playEncodings'] = (seed) => fuzzEncodings(seed);
export const playChannels: Handlers['playChannels'] = (seed) => fuzzChannels(seed);
export const playHints: Handlers['playHints'] = (seed) => fuzzHints(seed);
export const playProcesses: Handlers['playProcesses'] = (seed) => fuzzProcesses(seed);
export const playProtection: Handlers['playProtection'] = (seed) => fuzzProtection(seed);
