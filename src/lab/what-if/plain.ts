import { InputError, shorten } from '../../scenario/input-error.ts';
import { UnitError } from '../../units/brand.ts';
import { parseDuration } from '../../units/duration.ts';
import { parseRate } from '../../units/rate.ts';
import { parseSize } from '../../units/size.ts';
import type { Facts, MeasuredRate } from './facts.ts';
import type { Goal } from './judge.ts';

/** A number with its unit, such as `16GiB`, `10Gbit/s` or `300ms`; sizes and numbers of things may be plain numbers. */
type Quantity = string | number;

/** What is known of a VM and of its link, as people write it. */
export interface PlainFacts {
  /** The VM's memory. */
  readonly memory?: Quantity | undefined;
  /** How much of it is not zero. */
  readonly used?: Quantity | undefined;
  readonly vcpus?: Quantity | undefined;
  /** The bandwidth of the link. */
  readonly link?: Quantity | undefined;
  /** The link's latency in one direction. */
  readonly latency?: Quantity | undefined;
  /** The migration's own limit. */
  readonly maxBandwidth?: Quantity | undefined;
  /** How fast the VM dirties its memory, over which period: `300MB/s@1s`; a second if none is given. */
  readonly dirtyRate?: Quantity | readonly Quantity[] | undefined;
  /** The memory that it writes to. */
  readonly workingSet?: Quantity | undefined;
  /** QEMU's downtime limit; by default 300ms. */
  readonly downtimeLimit?: Quantity | undefined;
}

/** The goal that a migration has to keep to, as people write it. */
export interface PlainGoal {
  readonly maxDowntime?: Quantity | undefined;
  readonly maxTime?: Quantity | undefined;
}

/** Says where a key stands: for a command it is a flag. */
export type Locate = (key: string) => { readonly place: string; readonly key: string };

/** An idle VM may dirty nothing in a period; no other rate may be 0. */
const ZERO = /^0(?:\.0+)?(?: ?[kKMG]?i?(?:B|bit)\/s)?$/;
/** QEMU's and libvirt's period when none is asked for. */
const DEFAULT_PERIOD = '1s';

/** Reads what people write. Every method throws InputError, which names the key. */
export class PlainReader {
  readonly #locate: Locate;

  constructor(locate: Locate) {
    this.#locate = locate;
  }

  facts(plain: PlainFacts): Facts {
    const numbers = {
      memoryBytes: this.#quantity('memory', plain.memory, parseSize),
      usedBytes: this.#quantity('used', plain.used, parseSize),
      vcpus: plain.vcpus === undefined ? undefined : this.whole('vcpus', plain.vcpus, 1, 256),
      linkBytesPerSecond: this.#quantity('link', plain.link, finiteRate),
      latencyMs: this.milliseconds('latency', plain.latency),
      maxBytesPerSecond: this.#quantity('maxBandwidth', plain.maxBandwidth, finiteRate),
      workingSetBytes: this.#quantity('workingSet', plain.workingSet, parseSize),
      downtimeLimitMs: this.milliseconds('downtimeLimit', plain.downtimeLimit),
    };
    const known = Object.entries(numbers).filter(([, value]) => value !== undefined);
    const { dirtyRate } = plain;
    const rates = dirtyRate === undefined ? undefined : [dirtyRate].flat();
    return {
      ...Object.fromEntries(known),
      ...(rates ? { rates: rates.map((rate) => this.#rate(String(rate))) } : {}),
    };
  }

  /** Returns the goal that is asked for; undefined when there is none. */
  goal({ maxDowntime, maxTime }: PlainGoal): Goal | undefined {
    const maxDowntimeMs = this.milliseconds('maxDowntime', maxDowntime);
    const maxTotalTimeMs = this.milliseconds('maxTime', maxTime);
    if (maxDowntimeMs === undefined && maxTotalTimeMs === undefined) return undefined;
    return {
      ...(maxDowntimeMs === undefined ? {} : { maxDowntimeMs }),
      ...(maxTotalTimeMs === undefined ? {} : { maxTotalTimeMs }),
    };
  }

  milliseconds(key: string, value: Quantity | undefined): number | undefined {
    return this.#quantity(key, value, (text) => parseDuration(text) / 1e6);
  }

  /** Returns a whole number within bounds. */
  whole(key: string, given: Quantity, least: number, most: number): number {
    const value = Number(given);
    if (/^\d+$/.test(String(given)) && value >= least && value <= most) return value;
    const got = JSON.stringify(given);
    throw this.refused(key, `expected a whole number from ${least} to ${most}, got ${got}`);
  }

  refused(key: string, sentence: string): InputError {
    return new InputError([{ ...this.#locate(key), sentence }]);
  }

  /** Parses `300MB/s@10s`, a rate with the period that it was measured over. */
  #rate(text: string): MeasuredRate {
    const [rate = '', period = DEFAULT_PERIOD, ...more] = text.split('@');
    if (more.length > 0) {
      const sentence = `expected a rate and its period, as in 300MB/s@1s, got "${text}"`;
      throw this.refused('dirtyRate', sentence);
    }
    return {
      source: 'given',
      bytesPerSecond: ZERO.test(rate.trim())
        ? 0
        : this.#quantity('dirtyRate', rate.trim(), finiteRate)!,
      periodMs: this.milliseconds('dirtyRate', period.trim())!,
    };
  }

  /** Returns the number of a quantity above 0. */
  #quantity(
    key: string,
    given: Quantity | undefined,
    parse: (given: Quantity) => number,
  ): number | undefined {
    if (given === undefined) return undefined;
    try {
      const value = parse(given);
      if (value > 0) return value;
    } catch (error) {
      if (!(error instanceof UnitError)) throw error;
      throw this.refused(key, error.message);
    }
    throw this.refused(key, `expected more than 0, got "${shorten(String(given))}"`);
  }
}

function finiteRate(given: Quantity): number {
  const rate = parseRate(given);
  if (rate !== Infinity) return rate;
  throw new UnitError('expected a rate such as 10Gbit/s or 300MB/s, got "unlimited"');
}
