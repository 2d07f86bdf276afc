import { monotonicClock } from '../../clock/monotonic.ts';
import { marksOf } from '../../memory/dirty-logs/open.ts';
import { WriterHandshake } from '../../memory/handshake/writer.ts';
import { openHost } from '../../runtime/common/host.ts';
import { warmUpVcpu } from '../../runtime/threads/warm-up.ts';
import { receiveFrames, sendFrames } from './link-ends.ts';
import { PassWords } from './pass-words.ts';
import type { BenchTasks } from './tasks.ts';
import { walk as walkOn } from './walker.ts';

/** The entry of a bench's worker threads; they always run this file's compiled form. */

type Handlers = {
  readonly [Name in keyof BenchTasks]: (task: BenchTasks[Name][0]) => BenchTasks[Name][1];
};

export const walk: Handlers['walk'] = ({ host: shared, plan, vcpu, ...task }) => {
  const host = openHost(shared);
  const writer = vcpu + 1;
  for (const slot of host.memory.slots) warmUpVcpu(slot, writer, plan.streams.length + vcpu);
  walkOn({
    vcpu,
    plan,
    host,
    handshake: new WriterHandshake(host.words, writer, host.doorbell),
    marks: marksOf(host.log.kind, writer, host.rings),
    clock: monotonicClock(task.clockOrigin),
    passes: new PassWords(plan.vcpus, task.passes),
    accesses: task.accesses,
  });
};

export const send: Handlers['send'] = sendFrames;
export const receive: Handlers['receive'] = receiveFrames;
