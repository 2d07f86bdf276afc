import type { Facts, MeasuredRate } from '../lab/what-if/facts.ts';
import type { Goal } from '../lab/what-if/judge.ts';
import { InputError, shorten } from '../scenario/input-error.ts';
import { UnitError } from '../units/brand.ts';
import { parseDuration } from '../units/duration.ts';
import { parseRate } from '../units/rate.ts';
import { parseSize } from '../units/size.ts';

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

/** QEMU's and libvirt's period when none is asked for. */
const DEFAULT_PERIOD = '1s';

/** Returns what the flags say of the VM. Throws InputError. */
export function factsOf(flags: WhatIfFlags): Facts {
  const numbers = {
    memoryBytes: quantity('--memory', flags.memory, parseSize),
    usedBytes: quantity('--used', flags.used, parseSize),
    vcpus: flags.vcpus === undefined ? undefined : whole('--vcpus', flags.vcpus, 1, 256),
    linkBytesPerSecond: quantity('--link', flags.link, finiteRate),
    latencyMs: milliseconds('--latency', flags.latency),
    maxBytesPerSecond: quantity('--max-bandwidth', flags.maxBandwidth, finiteRate),
    workingSetBytes: quantity('--working-set', flags.workingSet, parseSize),
    downtimeLimitMs: milliseconds('--downtime-limit', flags.downtimeLimit),
  };
  const known = Object.entries(numbers).filter(([, value]) => value !== undefined);
  const rates = flags.dirtyRate?.map(rateOf);
  return { ...Object.fromEntries(known), ...(rates ? { rates } : {}) };
}

/** Returns the goal that the flags ask for; undefined when they ask for none. Throws InputError. */
export function goalOf(flags: WhatIfFlags): Goal | undefined {
  const maxDowntimeMs = milliseconds('--max-downtime', flags.maxDowntime);
  const maxTotalTimeMs = milliseconds('--max-time', flags.maxTime);
  if (maxDowntimeMs === undefined && maxTotalTimeMs === undefined) return undefined;
  return {
    ...(maxDowntimeMs === undefined ? {} : { maxDowntimeMs }),
    ...(maxTotalTimeMs === undefined ? {} : { maxTotalTimeMs }),
  };
}

/** An idle VM may dirty nothing in a period; no other rate may be 0. */
const ZERO = /^0(?:\.0+)?(?: ?[kKMG]?i?(?:B|bit)\/s)?$/;

/** Parses `300MB/s@10s`, a rate with the period that it was measured over. Throws InputError. */
function rateOf(text: string): MeasuredRate {
  const [rate = '', period = DEFAULT_PERIOD, ...more] = text.split('@');
  if (more.length > 0) {
    throw refused(
      '--dirty-rate',
      `expected a rate and its period, as in 300MB/s@1s, got "${text}"`,
    );
  }
  return {
    source: 'given',
    bytesPerSecond: ZERO.test(rate.trim()) ? 0 : quantity('--dirty-rate', rate.trim(), finiteRate)!,
    periodMs: milliseconds('--dirty-rate', period.trim())!,
  };
}

function finiteRate(text: string): number {
  const rate = parseRate(text);
  if (rate !== Infinity) return rate;
  throw new UnitError('expected a rate such as 10Gbit/s or 300MB/s, got "unlimited"');
}

function milliseconds(flag: string, text: string | undefined): number | undefined {
  return quantity(flag, text, (value) => parseDuration(value) / 1e6);
}

/** Returns the number of a quantity above 0. Throws InputError. */
function quantity(
  flag: string,
  text: string | undefined,
  parse: (text: string) => number,
): number | undefined {
  if (text === undefined) return undefined;
  try {
    const value = parse(text);
    if (value > 0) return value;
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
    throw refused(flag, error.message);
  }
  throw refused(flag, `expected more than 0, got "${shorten(text)}"`);
}

/** Returns a whole number within bounds. Throws InputError. */
export function whole(flag: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw refused(flag, `expected a whole number from ${least} to ${most}, got "${shorten(text)}"`);
}

/** Returns a duration of a flag in milliseconds. Throws InputError. */
export const timeoutOf = (text: string | undefined): number | undefined =>
  milliseconds('--timeout', text);

const refused = (place: string, sentence: string): InputError =>
  new InputError([{ place, key: '', sentence }]);
