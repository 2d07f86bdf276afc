import { monotonicClock } from '../../../clock/monotonic.ts';
import { Doorbell } from '../../../memory/doorbell.ts';
import { DOORBELL } from '../../../memory/handshake/words.ts';
import { CopyOnWrite } from '../../../replication/copy-on-write.ts';
import { countsOf } from '../../../snapshot/counts.ts';
import { nodeFiles, SnapshotError } from '../../../snapshot/file-port.ts';
import { runLane, ThreadLane } from '../../../snapshot/lane.ts';
import { SnapshotChain } from '../../../snapshot/reader.ts';
import { SnapshotWriter } from '../../../snapshot/writer.ts';
import { openGuestSide } from '../../common/guest-side.ts';
import { SharedSourceGuest } from '../../common/guests.ts';
import { mostCopies, saveHalf } from '../../common/snapshot/save-half.ts';
import { drive } from '../driver.ts';
import { savePages } from '../replication/page-saving.ts';
import { RunWords } from '../run-words.ts';
import type { LaneThreadTask, SaveAnswer, SaveTask } from './tasks.ts';

/** Saves a guest in this thread. An error of the file before the save begins is in the answer. */
export function saveInThread(task: SaveTask): SaveAnswer {
  let base: SnapshotChain | undefined;
  let writer: SnapshotWriter | undefined;
  try {
    const { path, base: basePath, direct } = task.request;
    if (basePath !== undefined) base = new SnapshotChain(basePath);
    const { memory } = openGuestSide(task.guestSide);
    const { pages, pageSize } = memory;
    const { lanes } = task;
    const openLanes = lanes.length > 0 ? () => lanes.map((one) => new ThreadLane(one)) : undefined;
    writer = new SnapshotWriter({ path, pages, pageSize, base, direct }, nodeFiles, openLanes);
    return save(task, writer);
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error;
    return { problem: error.message };
  } finally {
    writer?.abandon();
    base?.close();
  }
}

function save(task: SaveTask, writer: SnapshotWriter): SaveAnswer {
  const side = openGuestSide(task.guestSide);
  const { memory, words } = side;
  const clock = monotonicClock(task.clockOrigin);
  const run = new RunWords(task.runWords);
  const guest = new SharedSourceGuest(side, task.plan, clock);
  const capture =
    task.request.mode === 'background'
      ? new CopyOnWrite({ memory, words, clock, mostPages: mostCopies(memory), copyNs: 0 })
      : undefined;
  const { algorithm, link } = saveHalf({
    config: task,
    request: task.request,
    clock,
    guest,
    writer,
    capture,
    watch: (pagesLeft) => {
      const figures = {
        phase: 0,
        round: 0,
        bytes: link.postedBytes,
        ns: clock.now(),
        pastReturn: 0,
      };
      run.setFigures({ ...figures, pagesLeft });
    },
  });
  const end = drive(algorithm, {
    clock,
    link,
    doorbell: side.doorbell,
    isGuestSettled: () => {
      if (capture) savePages(memory, words, task.plan.vcpus, capture);
      return guest.isSettled();
    },
    isCancelled: run.isCancelled,
    isAborted: run.isAborted,
    spins: () => 0,
  });
  return {
    end,
    state: guest.savedState,
    counts: countsOf(writer.counts, writer.table),
    isDirect: writer.isDirect,
  };
}

/** Writes the slabs of a lane in this thread, until the lane is closed. */
export function laneInThread({ handshake, ...task }: LaneThreadTask): void {
  const doorbell = new Doorbell(new Int32Array(handshake), DOORBELL);
  runLane(nodeFiles, task, () => doorbell.ring());
}
