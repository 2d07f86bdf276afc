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
 * The guest runs at the destination, and no more than so many pages have yet to be sent. The source may
 * push before RUN has arrived, so only an access after the pause says that the destination runs.
 */
export function isPushing(mostLeft = Infinity): Condition {
  let pausedAt: number | undefined;
  return (view) => {
    if (!isIn('postcopy')(view)) return false;
    pausedAt ??= view.accesses;
    return view.accesses > pausedAt && view.figures.pagesLeft <= mostLeft;
  };
}

export interface Loss {
  readonly when: Condition;
  /** A new connection stands once this holds; absent: once the source has noticed. */
  readonly until?: Condition;
}

/**
 * Loses a run's connection as soon as the condition of each loss holds, one after the other, and holds
 * it lost until the source is where the test wants it: no instant matters, however busy the machine is.
 */
export function losing(...losses: readonly Loss[]): RunOptions {
  let look: () => LiveView;
  return {
    onStart: (given) => (look = given),
    onNetwork: (network) => {
      const holds = async (condition: Condition): Promise<boolean> => {
        while (!network.isStopped && !condition(look())) await sleep(1);
        return !network.isStopped;
      };
      const loseAll = async (): Promise<void> => {
        for (const { when, until = isIn('postcopy-paused') } of losses) {
          if (!(await holds(when))) return;
          network.cut();
          if (!(await holds(until))) return;
          await network.restore();
        }
      };
      void loseAll();
    },
  };
}
