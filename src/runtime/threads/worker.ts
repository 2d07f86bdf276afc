import { availableParallelism } from 'node:os';
import { monotonicClock } from '../../clock/monotonic.ts';
import { runVcpu } from '../../guest/vcpu.ts';
import { ringLink } from '../../link/ring-link.ts';
import { marksOf } from '../../memory/dirty-logs/open.ts';
import { Doorbell } from '../../memory/doorbell.ts';
import { DOORBELL, PARTIAL, PAUSE } from '../../memory/handshake/words.ts';
import { WriterHandshake } from '../../memory/handshake/writer.ts';
import { noLink } from '../../link/no-link.ts';
import { measureDirtyRate } from '../../migration/dirty-rate.ts';
import { destination as runDestination } from '../../migration/destination.ts';
import type { SourceSession } from '../../migration/source-session.ts';
import { recoveryOf, sourceAlgorithm, sourceOptions } from '../common/algorithms.ts';
import { drive, type DriverParts, LONG_SPINS, RunAborted, SPINS } from './driver.ts';
import { HostDestinationGuest, HostSourceGuest } from '../common/guests.ts';
import { openHost } from '../common/host.ts';
import { workHandlers } from '../common/work.ts';
import { LIVE_PHASES, RunWords } from './run-words.ts';
import type { EngineTask, Tasks } from './tasks.ts';
import { rehearse } from './rehearsal.ts';
import { warmUpVcpu } from './warm-up.ts';

/**
 * The entry of the pool's worker threads: thin wrappers that open what they were sent and call the
 * rooms' own code. Workers always run this file's compiled form (see pool.ts).
 */

type Handlers = {
  [Name in keyof Tasks]: (task: Tasks[Name][0]) => Tasks[Name][1] | Promise<Tasks[Name][1]>;
};

export const { fill, load, prefault, replay, compare } = workHandlers;

export const vcpu: Handlers['vcpu'] = ({
  host: shared,
  plan,
  vcpu: number,
  clockOrigin,
  runWords,
}) => {
  const host = openHost(shared);
  const writer = number + 1;
  for (const slot of host.memory.slots) warmUpVcpu(slot, writer, plan.streams.length + number);
  new RunWords(runWords).reportReady();
  return runVcpu({
    vcpu: number,
    plan,
    memory: host.memory,
    words: host.words,
    area: host.area,
    handshake: new WriterHandshake(host.words, writer, host.doorbell),
    marks: marksOf(host.log.kind, writer, host.rings),
    clock: monotonicClock(clockOrigin),
  });
};

/** A run goes without its rehearsal, but not without saying so. */
function tryToRehearse(...parts: Parameters<typeof rehearse>): void {
  try {
    rehearse(...parts);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    process.stderr.write(`not rehearsed, the first round may be slow: ${why}\n`);
  }
}

function openEngine(task: EngineTask, side: 'source' | 'destination') {
  const host = openHost(task.host);
  const peerWords = new Int32Array(task.peerHandshake);
  const isSource = side === 'source';
  const sourceWords = isSource ? host.words : peerWords;
  const destinationWords = isSource ? peerWords : host.words;
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
    line: { shared: task.line, side: side === 'source' ? 'near' : 'far' },
  });
  tryToRehearse(task, host.log);
  words.reportReady();
  const parts = (isGuestSettled: () => boolean): DriverParts => ({
    clock,
    link,
    doorbell: host.doorbell,
    isGuestSettled,
    isCancelled: words.isCancelled,
    isAborted: words.isAborted,
    spins() {
      const isPaused = Atomics.load(sourceWords, PAUSE) !== 0;
      // While the guest stands still the two engines have the machine to themselves; in post-copy its
      // vCPUs run at the destination.
      if (isPaused && Atomics.load(destinationWords, PARTIAL) === 0) return LONG_SPINS;
      return isRoomy || isPaused ? SPINS : 0;
    },
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
  const guest = new HostSourceGuest(host, task.plan, clock);
  awaitStart();
  const watch = (session: SourceSession): void =>
    words.setFigures({
      phase: LIVE_PHASES.indexOf(session.phase),
      round: session.metrics.round,
      pagesLeft: guest.unsent.count,
      bytes: link.postedBytes,
      ns: clock.now(),
      pastReturn: session.isPastReturn ? 1 : 0,
    });
  const options = sourceOptions(task.link, task.migration, host.memory);
  const report = drive(
    sourceAlgorithm({ clock, link, guest, watch, options }, task.migration),
    parts(() => guest.isSettled()),
  );
  return { report, state: guest.savedState, rings: guest.dirtyLog.ringCounts() };
};

export const destination: Handlers['destination'] = (task) => {
  const { host, clock, link, parts, awaitStart } = openEngine(task, 'destination');
  const guest = new HostDestinationGuest(host, task.plan, clock);
  awaitStart();
  const report = drive(
    runDestination({ clock, link, guest, ...recoveryOf(task.migration) }),
    parts(() => guest.isSettled()),
  );
  return { report, state: guest.loadedState };
};

export const dirtyRate: Handlers['dirtyRate'] = ({ host: shared, plan, options, ...task }) => {
  const host = openHost(shared);
  const clock = monotonicClock(task.clockOrigin);
  const words = new RunWords(task.runWords);
  const guest = new HostSourceGuest(host, plan, clock);
  return drive(measureDirtyRate(guest, clock, options), {
    clock,
    link: noLink,
    doorbell: host.doorbell,
    isGuestSettled: () => guest.isSettled(),
    isCancelled: words.isCancelled,
    isAborted: words.isAborted,
    spins: () => 0,
  });
};
