import { InputError } from '../../scenario/input-error.ts';
import { nearest } from '../../scenario/suggest.ts';
import { gather, type Paste } from '../what-if/gather.ts';
import { type PlainFacts, type PlainGoal, PlainReader } from '../what-if/plain.ts';
import { runsOf } from '../what-if/plan.ts';
import { InterruptedError, Players } from '../what-if/play.ts';
import { MOST_RUNS, MOST_SEED, type Question, unknownSetting } from '../what-if/question.ts';
import type { WhatIfResult } from '../what-if/result.ts';
import { whatIf as answer } from '../what-if/what-if.ts';
import { type InputOptions, setsOf, withoutDashes } from './input.ts';

/** What is known of a VM, in numbers or as tools print it, and the goal that its migration has to keep to. */
export interface WhatIfQuestion extends PlainFacts, PlainGoal {
  /** Texts that tools have printed, such as virsh, QMP and HMP; facts that are given count for more. */
  readonly pasted?: string | readonly string[] | undefined;
}

/** How far an answer is. */
export interface WhatIfProgress {
  /** How many runs have been made. */
  readonly done: number;
  /** How many runs of the settings there are; the search for what a goal needs takes more of which nobody knows the number. */
  readonly all: number;
}

export interface WhatIfOptions extends Pick<InputOptions, 'set'> {
  /** How many runs of each setting there are; by default 16. */
  readonly runs?: number | undefined;
  /** The seed of the guests that are tried; by default 1. */
  readonly seed?: number | undefined;
  /** When a run counts as one that does not end, such as `2min`. */
  readonly timeout?: string | undefined;
  /** The settings to compare, by their ids; by default all. */
  readonly settings?: readonly string[] | undefined;
  /** How many runs are made at a time; by default one for each core. */
  readonly threads?: number | undefined;
  /** Aborting it ends all runs and rejects with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each run. */
  readonly onProgress?: ((progress: WhatIfProgress) => void) | undefined;
}

const PLACE = 'question';
const QUESTION = new PlainReader((key) => ({ place: PLACE, key }));
const OPTIONS = new PlainReader((key) => ({ place: key, key: '' }));

/** All keys that a question may have. */
const KEYS: Readonly<Record<keyof WhatIfQuestion, true>> = {
  memory: true,
  used: true,
  vcpus: true,
  link: true,
  latency: true,
  maxBandwidth: true,
  dirtyRate: true,
  workingSet: true,
  downtimeLimit: true,
  maxDowntime: true,
  maxTime: true,
  pasted: true,
};

/**
 * Answers whether a VM will migrate, how long that takes and with what downtime, under each setting of QEMU and the rules
 * of managers, as `pageferry what-if` does. A text in place of the question is what a tool has printed. Rejects with
 * InputError when the question or an option is wrong, and with the signal's reason when that is aborted.
 */
export async function whatIf(
  question: WhatIfQuestion | string,
  options: WhatIfOptions = {},
): Promise<WhatIfResult> {
  const { signal, onProgress, threads } = options;
  signal?.throwIfAborted();
  const asked = questionOf(typeof question === 'string' ? { pasted: question } : question, options);
  let [done, all] = [0, runsOf(asked)];
  const tell = (): void => onProgress?.({ done: ++done, all });
  const players = new Players(tell, signal, threads);
  try {
    return await answer(asked, players.play, (runs) => (all = runs));
  } catch (error) {
    if (error instanceof InterruptedError) throw signal?.reason;
    throw withoutDashes(error);
  } finally {
    await players.end();
  }
}

function questionOf(given: WhatIfQuestion, options: WhatIfOptions): Question {
  checkKeys(given);
  const { facts, sources } = gathered(given);
  const goal = QUESTION.goal(given);
  const timeoutMs = OPTIONS.milliseconds('timeout', options.timeout);
  const sets = setsOf(options);
  const question: Question = {
    facts,
    sources,
    ...(goal ? { goal } : {}),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(sets.length > 0 ? { sets } : {}),
    ...(options.settings ? { only: options.settings } : {}),
    runs: OPTIONS.whole('runs', options.runs ?? 16, 1, MOST_RUNS),
    seed: OPTIONS.whole('seed', options.seed ?? 1, 0, MOST_SEED),
  };
  const unknown = unknownSetting(question);
  if (unknown !== undefined) throw OPTIONS.refused('settings', unknown);
  return question;
}

function checkKeys(given: WhatIfQuestion): void {
  const unknown = Object.keys(given).find((key) => !Object.hasOwn(KEYS, key));
  if (unknown === undefined) return;
  const guess = nearest(unknown, Object.keys(KEYS));
  const hint = guess === undefined ? Object.keys(KEYS).join(', ') : `did you mean ${guess}?`;
  throw QUESTION.refused(unknown, `unknown key: ${hint}`);
}

function gathered(given: WhatIfQuestion): ReturnType<typeof gather> {
  try {
    return gather(pastesOf(given.pasted), QUESTION.facts(given));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    // What a command calls `--dirty-rate` is the key `dirtyRate` of a question.
    const problems = error.problems.map(({ place, key, sentence }) => {
      const name = place.replace(/^--/, '');
      const own = name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
      return { place: PLACE, key: place === PLACE ? key : own, sentence };
    });
    throw new InputError(problems, error.more);
  }
}

function pastesOf(pasted: WhatIfQuestion['pasted'] = []): Paste[] {
  if (typeof pasted === 'string') return [{ name: 'pasted', text: pasted }];
  return pasted.map((text, i) => ({ name: `pasted[${i}]`, text }));
}
