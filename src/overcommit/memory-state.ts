/**
 * How short a host is of machine memory (Waldspurger, OSDI 2002, section 6.3). In `high` it reclaims nothing; in
 * `soft` it asks balloons, and pages where there is no balloon; in `hard` it pages; in `low` it also blocks the guests
 * that are above their targets.
 */
export type MemoryState = 'high' | 'soft' | 'hard' | 'low';

/** From the best state to the worst. */
export const MEMORY_STATES: readonly MemoryState[] = ['high', 'soft', 'hard', 'low'];

/** A state is left for the next worse one when less than this share of machine memory is free (section 6.3). */
export interface StateThresholds {
  readonly high: number;
  readonly soft: number;
  readonly hard: number;
  readonly low: number;
  /** A better state is entered only when so much more than its threshold is free. The paper gives no number. */
  readonly margin: number;
}

export const DEFAULT_THRESHOLDS: StateThresholds = {
  high: 0.06,
  soft: 0.04,
  hard: 0.02,
  low: 0.01,
  margin: 0.005,
};

/**
 * Returns the state after `current`, when the share `free` of machine memory is free. A worse state is entered as soon
 * as less is free than its threshold; a better one when more is free than its threshold and the margin. `high` has two
 * thresholds: the host leaves it when less than `soft` is free, and comes back to it when more than `high` is.
 */
export function nextState(
  current: MemoryState,
  free: number,
  thresholds: StateThresholds = DEFAULT_THRESHOLDS,
): MemoryState {
  const { high, soft, hard, low, margin } = thresholds;
  const at = MEMORY_STATES.indexOf(current);
  const worst = free < low ? 3 : free < hard ? 2 : free < soft ? 1 : 0;
  if (worst > at) return MEMORY_STATES[worst]!;
  // Upward it goes one state at a time: what must be free to enter the state above the current one.
  const needed = [high, high, soft, hard];
  let state = at;
  while (state > 0 && free > needed[state]! + margin) state--;
  return MEMORY_STATES[state]!;
}
