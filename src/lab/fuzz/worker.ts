import { PLAYS } from './plays.ts';

/** The entry of the fuzzer's worker threads. They always run the compiled form of this file. */
export const {
  play,
  playDevices,
  playHints,
  playParts,
  playXbzrle,
  playChannels,
  playEncodings,
  playStream,
  playEncodedStream,
  playHostile,
  playProtection,
  playProcesses,
} = PLAYS;
