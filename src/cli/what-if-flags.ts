import { PlainReader } from '../lab/what-if/plain.ts';

/** The flags of `what-if` as they are typed. */
export interface WhatIfFlags {
  readonly memory?: string;
  readonly used?: string;
  readonly vcpus?: string;
  readonly link?: string;
  readonly latency?: string;
  readonly maxBandwidth?: string;
  readonly dirtyRate?: readonly string[];
  readonly workingSet?: string;
  readonly downtimeLimit?: string;
  readonly maxDowntime?: string;
  readonly maxTime?: string;
  readonly runs: string;
  readonly seed: string;
  readonly timeout?: string;
  readonly setting?: readonly string[];
  readonly set?: readonly string[];
  readonly chart?: string;
  readonly scenario?: string;
  readonly output?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Reads the values of flags; errors name the flag, such as `--max-bandwidth` for `maxBandwidth`. */
export const FLAG_READER = new PlainReader((key) => ({
  place: `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  key: '',
}));
