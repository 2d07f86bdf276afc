import type { FuzzResult } from './fuzz.ts';

/** The tasks of the fuzzer's worker threads: for each name, what it takes and what it returns. */
export interface FuzzTasks {
  /** Plays one seed. */
  readonly play: readonly [number, FuzzResult];
  /** Plays one seed, whose guest has devices. */
  readonly playDevices: readonly [number, FuzzResult];
  /** Plays one seed, whose guest hints its free pages. */
  readonly playHints: readonly [number, FuzzResult];
  /** Plays one seed, whose pages travel in parts. */
  readonly playParts: readonly [number, FuzzResult];
  /** Plays one seed, whose pages are sent as what has changed of them. */
  readonly playXbzrle: readonly [number, FuzzResult];
  /** Plays one seed, whose pages are sent in random encodings. */
  readonly playEncodings: readonly [number, FuzzResult];
  /** Plays one seed, whose pages travel over several channels. */
  readonly playChannels: readonly [number, FuzzResult];
  /** Plays one seed, whose guest is protected by Remus. */
  readonly playProtection: readonly [number, FuzzResult];
  /** Plays one seed between two processes. */
  readonly playProcesses: readonly [number, FuzzResult];
  /** Plays a hundred mutated streams of one seed against a destination. */
  readonly playHostile: readonly [number, FuzzResult];
  /** Plays one seed whose pages are sent in random encodings, and tampers with its frames. */
  readonly playEncodedStream: readonly [number, FuzzResult];
  /** Plays one seed, and tampers with its frames. */
  readonly playStream: readonly [number, FuzzResult];
}
