import { akoushBounds } from './akoush-bounds.ts';
import { clarkLadder } from './clark-ladder.ts';
import { geometricModel } from './geometric-model.ts';
import type { Outcome } from './outcome.ts';
import type { OnRun } from './result-of.ts';

/** Experiments that a scenario and a table can't say. */
export const FUNCTIONS: ReadonlyMap<
  string,
  (onRun: OnRun) => Promise<Pick<Outcome, 'x' | 'y' | 'series'>>
> = new Map([
  ['akoush-bounds', akoushBounds],
  ['clark-ladder', clarkLadder],
  ['geometric-model', geometricModel],
]);
