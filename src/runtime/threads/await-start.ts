import type { Doorbell } from '../../memory/doorbell.ts';
import { RunAborted } from './driver.ts';
import type { RunWords } from './run-words.ts';

/** A ring ends the sleep; should one ever be lost, the engine looks again after this time. */
const LONGEST_SLEEP_MS = 100;

/**
 * Blocks an engine's thread until its migration begins; whoever starts it rings the doorbell. The sequence is taken
 * before the look, so that a ring after the look ends the sleep at once. Throws RunAborted when the run is aborted.
 */
export function awaitStart(
  words: Pick<RunWords, 'isStarted' | 'isAborted'>,
  doorbell: Pick<Doorbell, 'sequence' | 'wait'>,
): void {
  for (;;) {
    const sequence = doorbell.sequence();
    if (words.isStarted()) return;
    if (words.isAborted()) throw new RunAborted('the run was aborted');
    doorbell.wait(sequence, LONGEST_SLEEP_MS);
  }
}
