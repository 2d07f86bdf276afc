import type { RunResult } from '../../result/schema.ts';
import { InputError } from '../../scenario/input-error.ts';
import { CompareError, compareSides } from '../compare/compare.ts';
import { columnOf } from '../compare/keys.ts';
import { type HeldResult, readSide } from '../compare/read.ts';
import type { CompareResult } from '../compare/result.ts';
import type { SweepStore } from './sweep.ts';

/** A result of `run`, a store of `sweep`, or the path of such a store or of a file that `pageferry compare` takes. */
export type ComparedInput = RunResult | SweepStore | string;

export interface CompareOptions {
  /** The smallest change that counts, as a share; by default 0.01. */
  readonly threshold?: number | undefined;
  /** The accepted probability of a false alarm, over all metrics together; by default 0.05. */
  readonly alpha?: number | undefined;
  /** Keys of the scenarios, such as `link.bandwidth`, by which runs are not matched. */
  readonly ignore?: readonly string[] | undefined;
  /** The names of the figures to compare, or `all`; by default those that matter most. */
  readonly metrics?: readonly string[] | undefined;
}

/**
 * Says whether runs have become better or worse, and by how much, as `pageferry compare` does. Each side is one input or a
 * list of them; runs are matched by their scenarios and paired by their seeds. Rejects with InputError when a side or an
 * option is wrong or the sides have nothing in common, and with StoreError when a store can't be used.
 */
export async function compare(
  before: ComparedInput | readonly ComparedInput[],
  after: ComparedInput | readonly ComparedInput[],
  { threshold = 0.01, alpha = 0.05, ignore = [], metrics = [] }: CompareOptions = {},
): Promise<CompareResult> {
  checkShare('threshold', threshold, 10);
  checkShare('alpha', alpha, 1);
  const sides = [
    readSide(sourcesOf('before', before)),
    readSide(sourcesOf('after', after)),
  ] as const;
  const ignored = new Set(ignore.map((key, i) => columnOf(key, `ignore[${i}]`, sides)));
  try {
    return compareSides(...sides, { threshold, alpha, ignored, metrics }).result;
  } catch (error) {
    throw inWordsOfPrograms(error);
  }
}

/** Programs choose by options, which have no dashes. */
function inWordsOfPrograms(error: unknown): unknown {
  if (error instanceof CompareError) {
    return wrong('compare', error.message.replace('--ignore KEY', 'the option ignore'));
  }
  if (!(error instanceof InputError)) return error;
  return new InputError(
    error.problems.map(({ place, key, sentence }) => ({
      place: place.replace(/^--metric /, 'metrics '),
      key,
      sentence: sentence.replace('--metric all', "metrics: ['all']"),
    })),
    error.more,
  );
}

function sourcesOf(
  side: string,
  given: ComparedInput | readonly ComparedInput[],
): (string | HeldResult)[] {
  if (!isList(given)) return [sourceOf(side, given)];
  if (given.length === 0) throw wrong(side, 'expected at least one result, file or store');
  return given.map((one, i) => sourceOf(`${side}[${i}]`, one));
}

const isList = (
  given: ComparedInput | readonly ComparedInput[],
): given is readonly ComparedInput[] => Array.isArray(given);

function sourceOf(name: string, given: ComparedInput): string | HeldResult {
  if (typeof given === 'string') return given;
  const isStore = given !== null && 'folder' in given && 'query' in given;
  return isStore ? given.folder : { name, value: given };
}

/** Throws InputError unless a number lies between 0 and a bound. */
function checkShare(name: string, value: number, bound: number): void {
  if (value > 0 && value < bound) return;
  throw wrong(name, `expected a number above 0 and below ${bound}, got ${value}`);
}

const wrong = (place: string, sentence: string): InputError =>
  new InputError([{ place, key: '', sentence }]);
