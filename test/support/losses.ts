import { setTimeout as sleep } from 'node:timers/promises';
import type { LiveView, RunOptions } from '../../src/runtime/threads/run.ts';
import { LIVE_PHASES } from '../../src/runtime/threads/run-words.ts';

export type Condition = (view: LiveView) => boolean;

type LivePhase = (typeof LIVE_PHASES)[number];

export const isIn =
  (phase: LivePhase): Condition =>
  ({ figures }) =>
    LIVE_PHASES[figures.phase] === phase;

/**
 * Returns a condition that holds when the guest runs at the destination and at most `mostLeft` pages
 * have yet to be sent. The source may push before RUN has arrived, so only an access after the pause
 * shows that the guest runs at the destination.
 */
export function isPushing(mostLeft = Infinity): Condition {
  let pausedAt: number | undefined;
  return (view) => {
    if (!isIn('postcopy')(view)) return false;
    pausedAt ??= view.accesses;
    return view.accesses > pausedAt && view.figures.pagesLeft <= mostLeft;
  };
}

/** A loss of the connection. */
export interface Loss {
  readonly when: Condition;
  /** A new connection is made when this holds; by default, when the source has noticed the loss. */
  readonly until?: Condition;
}

/**
 * Returns run options that lose the connection as soon as the condition of each loss holds, one after the
 * other, and restore it when the source has reached the state that the test needs. The result depends on
 * no moment in time, however busy the machine is.
 */
export function losing(...losses: readonly Loss[]): RunOptions {
  let readView: () => LiveView;
  return {
    onStart: (read) => (readView = read),
    onConnection: (connection) => {
      const holds = async (condition: Condition): Promise<boolean> => {
        while (!connection.isStopped && !condition(readView())) await sleep(1);
        return !connection.isStopped;
      };
      const loseAll = async (): Promise<void> => {
        for (const { when, until = isIn('postcopy-paused') } of losses) {
          if (!(await holds(when))) return;
          connection.cut();
          if (!(await holds(until))) return;
          await connection.restore();
        }
      };
      void loseAll();
    },
  };
}
