import { availableParallelism } from 'node:os';
import { monotonicClock } from '../../clock/monotonic.ts';
import { replayStream } from '../../guest/replay.ts';
import { runVcpu } from '../../guest/vcpu.ts';
import { ringLink } from '../../link/ring-link.ts';
import { fillPages, fillDestination } from '../../memory/contents/contents.ts';
import { marksOf } from '../../memory/dirty-logs/open.ts';
import { Doorbell } from '../../memory/doorbell.ts';
import { DOORBELL, PAUSE } from '../../memory/handshake/words.ts';
import { WriterHandshake } from '../../memory/handshake/writer.ts';
import { openSlot } from '../../memory/memslot.ts';
import { destination as runDestination } from '../../migration/destination.ts';
import type { SourceSession } from '../../migration/source-session.ts';
import { sourceAlgorithm, sourceOptions } from './algorithms.ts';
import { comparePages } from './compare.ts';
import { drive, type DriverParts, RunAborted } from './driver.ts';
import { ThreadDestinationGuest, ThreadSourceGuest } from './guests.ts';
import { openHost } from './host.ts';
import { LIVE_PHASES, RunWords } from './run-words.ts';
import type { EngineTask, Tasks } from './tasks.ts';
import { rehearse } from './rehearsal.ts';
import { warmUpVcpu } from './warm-up.ts';

/**
 * The entry of the pool's worker threads: thin wrappers that open what they were sent and call the
 * rooms' own code. Workers always run this file's compiled form (see pool.ts).
 */

type Handlers = { [Name in keyof Tasks]: (task: Tasks[Name][0]) => Tasks[Name][1] };

export const fill: Handlers['fill'] = ({ host, contents, seed, firstGfn, pages }) => {
  const { ram, layout } = openSlot(host.slot);
  fillPages(ram, layout.pageSize, contents, seed, firstGfn, pages);
};

export const prefault: Handlers['prefault'] = ({ host, firstGfn, pages }) => {
  const { ram, layout } = openSlot(host.slot);
  fillDestination(ram.subarray(firstGfn * layout.pageSize, (firstGfn + pages) * layout.pageSize));
};

export const vcpu: Handlers['vcpu'] = ({
  host: shared,
  plan,
  vcpu: number,
  clockOrigin,
  runWords,
}) => {
  const host = openHost(shared);
  const writer = number + 1;
  warmUpVcpu(host.slot, writer, plan.streams.length + number);
  new RunWords(runWords).reportReady();
  runVcpu({
    vcpu: number,
    plan,
    slot: host.slot,
    area: host.area,
    handshake: new WriterHandshake(host.words, writer, host.doorbell),
    marks: marksOf(host.dirtyLog, host.slot.layout),
    clock: monotonicClock(clockOrigin),
  });
};

function openEngine(task: EngineTask, side: 'source' | 'destination') {
  const host = openHost(task.host);
  const peerWords = new Int32Array(task.peerHandshake);
  const sourceWords = side === 'source' ? host.words : peerWords;
  const isRoomy = availableParallelism() >= task.plan.vcpus + 2;
  const clock = monotonicClock(task.clockOrigin);
  const words = new RunWords(task.runWords);
  const link = ringLink({
    clock,
    outgoing: task.outgoing,
    incoming: task.incoming,
    peerDoorbell: new Doorbell(peerWords, DOORBELL),
    bytesPerSecond: task.link.bytesPerSecond,
    latencyNs: task.link.latencyNs,
  });
  rehearse(task, host.dirtyLog);
  words.reportReady();
  const parts = (isGuestSettled: () => boolean): DriverParts => ({
    clock,
    link,
    doorbell: host.doorbell,
    isGuestSettled,
    isCancelled: words.isCancelled,
    isAborted: words.isAborted,
    // While the guest stands still the two engines have the machine to themselves.
    isRoomy: () => isRoomy || Atomics.load(sourceWords, PAUSE) !== 0,
  });
  const awaitStart = (): void => {
    while (!words.isStarted()) {
      const sequence = host.doorbell.sequence();
      if (words.isAborted()) throw new RunAborted('the run was given up');
      if (!words.isStarted()) host.doorbell.wait(sequence, 100);
    }
  };
  return { host, clock, words, link, parts, awaitStart };
}

export const source: Handlers['source'] = (task) => {
  const { host, clock, words, link, parts, awaitStart } = openEngine(task, 'source');
  const guest = new ThreadSourceGuest(host, task.plan, clock);
  awaitStart();
  const watch = (session: SourceSession): void =>
    words.setFigures({
      phase: LIVE_PHASES.indexOf(session.phase),
      round: session.metrics.round,
      pagesLeft: guest.unsent.count,
      bytes: link.postedBytes,
      ns: clock.now(),
    });
  const options = sourceOptions(task.link, task.migration);
  const report = drive(
    sourceAlgorithm({ clock, link, guest, watch, options }, task.migration),
    parts(() => guest.isSettled()),
  );
  return { report, state: guest.savedState };
};

export const destination: Handlers['destination'] = (task) => {
  const { host, clock, link, parts, awaitStart } = openEngine(task, 'destination');
  const guest = new ThreadDestinationGuest(host, task.plan);
  awaitStart();
  const report = drive(
    runDestination({ clock, link, guest }),
    parts(() => guest.isSettled()),
  );
  return { report, state: guest.loadedState };
};

export const replay: Handlers['replay'] = ({ host, streams, list, kernels }) => {
  const slot = openSlot(host.slot, kernels);
  for (const { stream, targetN } of streams) replayStream(slot, stream, targetN, list);
};

export const compare: Handlers['compare'] = ({ expected, found, firstGfn, pages }) =>
  comparePages(openSlot(expected.slot), openSlot(found.slot), firstGfn, pages);
