import { monotonicClock } from '../../clock/monotonic.ts';
import { marksOf } from '../../memory/dirty-logs/open.ts';
import { WriterHandshake } from '../../memory/handshake/writer.ts';
import { openGuestSide } from '../../runtime/common/guest-side.ts';
import { warmUpVcpu } from '../../runtime/threads/warm-up.ts';
import { receiveFrames, sendFrames } from './link-ends.ts';
import { PassWords } from './pass-words.ts';
import type { BenchTasks } from './tasks.ts';
import { walk as walkOn } from './walker.ts';

/** The entry of a bench's worker threads. They always run the compiled form of this file. */

type Handlers = {
  readonly [Name in keyof BenchTasks]: (task: BenchTasks[Name][0]) => BenchTasks[Name][1];
};

export const walk: Handlers['walk'] = ({ guestSide: shared, plan, vcpu, ...task }) => {
  const guestSide = openGuestSide(shared);
  const writer = vcpu + 1;
  for (const slot of guestSide.memory.slots) warmUpVcpu(slot, writer, plan.streams.length + vcpu);
  walkOn({
    vcpu,
    plan,
    guestSide,
    handshake: new WriterHandshake(guestSide.words, writer, guestSide.doorbell),
    marks: marksOf(guestSide.log.kind, writer, guestSide.rings),
    clock: monotonicClock(task.clockOrigin),
    passes: new PassWords(plan.vcpus, task.passes),
    accesses: task.accesses,
  });
};

export const send: Handlers['send'] = sendFrames;
export const receive: Handlers['receive'] = receiveFrames;
