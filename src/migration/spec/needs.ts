import type { Needs } from '../../units/keys.ts';

/** Rules for keys that have an effect with some of the algorithms only. */

const LIVE: ReadonlySet<unknown> = new Set(['precopy', 'hybrid']);
const POSTCOPY: ReadonlySet<unknown> = new Set(['postcopy', 'hybrid']);

const only =
  (what: string, has: (algorithm: unknown, mayForcePostcopy: boolean) => boolean): Needs =>
  (_, { algorithm, mayForcePostcopy }) =>
    has(algorithm, mayForcePostcopy === true)
      ? undefined
      : `has an effect only with ${what}, the migration is ${String(algorithm)}: leave it out`;

/** The key needs live rounds, in which the guest runs while its pages are sent. */
export const needsRounds = only('live rounds', (algorithm) => LIVE.has(algorithm));
/** The key needs a policy that decides, which pure post-copy never asks. */
export const needsDecisions = only('pre-copy', (algorithm) => algorithm !== 'postcopy');
/** The key needs post-copy, which a pre-copy may be forced to. */
export const needsPostcopy = only(
  'post-copy',
  (algorithm, mayForcePostcopy) =>
    POSTCOPY.has(algorithm) || (algorithm === 'precopy' && mayForcePostcopy),
);
/** The key needs algorithm `hybrid`. */
export const needsHybrid = only('hybrid', (algorithm) => algorithm === 'hybrid');
