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
import { fuzzHostile } from './hostile/play.ts';
import { fuzzProcesses } from './processes/play.ts';
import { fuzzProtection } from './protections/play.ts';
import { fuzzStream } from './streams.ts';
import type { FuzzTasks } from './tasks.ts';

/** What plays a seed, for each kind of play, in this thread. */
export const PLAYS: {
  readonly [Name in keyof FuzzTasks]: (task: FuzzTasks[Name][0]) => Promise<FuzzTasks[Name][1]>;
} = {
  play: (seed) => fuzz(seed),
  playDevices: fuzzDevices,
  playHints: fuzzHints,
  playParts: fuzzParts,
  playXbzrle: fuzzXbzrle,
  playChannels: fuzzChannels,
  playEncodings: fuzzEncodings,
  playStream: (seed) => fuzzStream(seed),
  playEncodedStream: (seed) => fuzzStream(seed, encoded),
  playHostile: (seed) => fuzzHostile(seed),
  playProtection: (seed) => fuzzProtection(seed),
  playProcesses: (seed) => fuzzProcesses(seed),
};
