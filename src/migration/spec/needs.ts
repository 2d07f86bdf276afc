import type { Needs } from '../../units/keys.ts';

/** Keys that only algorithms of some kind look at. */

const LIVE: ReadonlySet<unknown> = new Set(['precopy', 'hybrid']);
const POSTCOPY: ReadonlySet<unknown> = new Set(['postcopy', 'hybrid']);

const only =
  (whose: string, has: (algorithm: unknown, mayForcePostcopy: boolean) => boolean): Needs =>
  (_, { algorithm, mayForcePostcopy }) =>
    has(algorithm, mayForcePostcopy === true)
      ? undefined
      : `is of ${whose}, the migration is ${String(algorithm)}: leave it out`;

/** Of a guest that runs while it is sent, round by round. */
export const needsRounds = only('live rounds', (algorithm) => LIVE.has(algorithm));
/** Of the decisions of a policy, which pure post-copy never asks for. */
export const needsDecisions = only('pre-copy', (algorithm) => algorithm !== 'postcopy');
export const needsPostcopy = only(
  'post-copy',
  (algorithm, mayForcePostcopy) =>
    POSTCOPY.has(algorithm) || (algorithm === 'precopy' && mayForcePostcopy),
);
export const needsHybrid = only('hybrid', (algorithm) => algorithm === 'hybrid');
