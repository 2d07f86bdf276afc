import { availableParallelism } from 'node:os';
import { monotonicClock } from '../../../clock/monotonic.ts';
import { accessesOf } from '../../../guest/stream-record.ts';
import { noLink } from '../../../link/no-link.ts';
import { type LazyEnd, lazyRestore } from '../../../snapshot/lazy.ts';
import { SnapshotChain } from '../../../snapshot/reader.ts';
import { openGuestSide } from '../../common/guest-side.ts';
import { SharedDestinationGuest } from '../../common/guests.ts';
import { drive, SPINS } from '../driver.ts';
import { RunWords } from '../run-words.ts';
import type { RestoreTask } from './tasks.ts';

/** Serves a guest that runs while its pages are read, in this thread. */
export function restoreInThread(task: RestoreTask): LazyEnd {
  const side = openGuestSide(task.guestSide);
  const clock = monotonicClock(task.clockOrigin);
  const run = new RunWords(task.runWords);
  const guest = new SharedDestinationGuest(side, task.plan, clock);
  const chain = new SnapshotChain(task.path);
  const nowNs = clock.now();
  const spins = availableParallelism() > task.plan.vcpus ? SPINS : 0;
  try {
    const algorithm = lazyRestore({
      clock,
      guest,
      chain,
      areFresh: task.guestSide.slots.map(({ isFresh }) => isFresh),
      // The clock of the save has nothing to do with this one.
      state: chain.top.state.vcpus.map((state) => ({ ...state, aliveNs: nowNs, pausedNs: nowNs })),
      prefetch: task.prefetch,
      recordNs: task.recordNs,
      accesses: () => accessesOf(side.memory, task.plan),
      watch: (pagesLeft) => {
        const figures = { phase: 0, round: 0, bytes: 0, ns: clock.now(), pastReturn: 0 };
        run.setFigures({ ...figures, pagesLeft });
      },
    });
    return drive(algorithm, {
      clock,
      link: noLink,
      doorbell: side.doorbell,
      isGuestSettled: () => guest.isSettled(),
      isCancelled: run.isCancelled,
      isAborted: run.isAborted,
      spins: () => spins,
    });
  } finally {
    chain.close();
  }
}
