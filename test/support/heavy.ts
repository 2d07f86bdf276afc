/**
 * Whether tests that take minutes are to run as well: `PAGEFERRY_HEAVY=1 npm run test:long`. What they check has a smaller
 * sample among the other tests.
 */
export const isHeavy = process.env['PAGEFERRY_HEAVY'] === '1';

/**
 * Returns those of some long tests whose turn it is. `PAGEFERRY_TURN`, which .ci/run counts up with each commit, has a
 * sixth of them run, the next one each time; without it all of them run.
 */
export function inTurn<One>(all: readonly One[]): One[] {
  const turn = process.env['PAGEFERRY_TURN'];
  if (turn === undefined) return [...all];
  return all.filter((_, index) => index % TURNS === Number(turn) % TURNS);
}

const TURNS = 6;
