import { InputError } from '../../scenario/input-error.ts';
import { nearest } from '../../scenario/suggest.ts';
import { experimentNames } from '../papers/experiment.ts';
import type { Outcome } from '../papers/outcome.ts';
import { runExperiment } from '../papers/run.ts';
import { readMeasured } from '../validate/measured.ts';
import { validate as predict, type Validation } from '../validate/validate.ts';

/** The options of work that consists of several runs. */
export interface SeriesOptions {
  /** Aborting it rejects with its reason, after the run that is under way. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each run with the number of those that are done, and of all. */
  readonly onProgress?: ((done: number, all: number) => void) | undefined;
}

function teller({ signal, onProgress }: SeriesOptions): (done: number, all: number) => void {
  signal?.throwIfAborted();
  return (done, all) => {
    onProgress?.(done, all);
    signal?.throwIfAborted();
  };
}

/**
 * Predicts every measured migration of a file (`pageferry/measured@1`). Rejects with MeasuredFileError when the file
 * can't be used, and with LostByteError when a prediction loses a byte.
 */
export async function validate(path: string, options: SeriesOptions = {}): Promise<Validation> {
  return predict(readMeasured(path), teller(options));
}

/** Reproduces a figure of a paper; `presets('paper')` lists them. Rejects with InputError when there is no such figure. */
export async function paper(name: string, options: SeriesOptions = {}): Promise<Outcome> {
  const known = experimentNames();
  if (!known.includes(name)) {
    const guess = nearest(name, known);
    const hint = guess === undefined ? `there are ${known.join(', ')}` : `did you mean ${guess}?`;
    throw new InputError([{ place: name, key: '', sentence: `is no experiment (${hint})` }]);
  }
  return runExperiment(name, teller(options));
}
