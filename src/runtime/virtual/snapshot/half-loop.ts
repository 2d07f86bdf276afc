import type { VirtualClock } from '../../../clock/virtual.ts';
import { othersTurn } from '../../common/others-turn.ts';
import type { Half } from '../half.ts';

/** After so many steps the rest of the program has its turn. */
const STEPS_EACH_TURN = 64;

/**
 * Steps the one half of a save or a restore to its end. `live` brings the guest up to a time before each step, or up to
 * its own first fault, and returns when the step is.
 */
export async function playHalf<Result>(
  half: Half<Result>,
  clock: VirtualClock,
  live: (atNs: number) => number,
  onTurn: () => void,
): Promise<Result> {
  half.begin();
  for (let steps = 0; !half.isOver; steps++) {
    const atNs = half.nextNs(clock.now());
    if (atNs === Infinity) throw new Error('the half waits for ever');
    half.go(live(atNs));
    if (steps % STEPS_EACH_TURN !== 0) continue;
    onTurn();
    await othersTurn();
  }
  return half.result!;
}
