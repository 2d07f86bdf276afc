import { availableParallelism } from 'node:os';
import { monotonicClock } from '../../clock/monotonic.ts';
import type { GuestPlan } from '../../guest/stream-plan.ts';
import { runVcpu } from '../../guest/vcpu.ts';
import { ChannelledLink } from '../../link/channelled-link.ts';
import { Line } from '../../link/line.ts';
import { ringLink } from '../../link/ring-link.ts';
import { openSharedPacing } from '../../link/shared-bucket.ts';
import { marksOf } from '../../memory/dirty-logs/open.ts';
import { Doorbell } from '../../memory/doorbell.ts';
import { DOORBELL, GATE, GATE_PRESENCE, PAUSE } from '../../memory/handshake/words.ts';
import { HostCaller } from '../../memory/handshake/host-requests.ts';
import { WriterHandshake } from '../../memory/handshake/writer.ts';
import { LONG_SPINS as LONG_PAGE_SPINS } from '../../memory/presence/page-waiter.ts';
import { VcpuHost } from '../../overcommit/vcpu-host.ts';
import type { Link } from '../../link/link.ts';
import { type Flow, Network } from '../../link/network.ts';
import { noLink } from '../../link/no-link.ts';
import { accessesOf } from '../../guest/stream-record.ts';
import { measureDirtyRate } from '../../migration/dirty-rate.ts';
import { destination as runDestination } from '../../migration/destination.ts';
import type { SourceSession } from '../../migration/source-session.ts';
import { recoveryOf, sourceAlgorithm, sourceOptions } from '../../migration/spec/wiring.ts';
import { EncodingMeter } from '../../wire/meter.ts';
import { ThreadReceivers, ThreadSenders } from './channels/engine-ends.ts';
import { awaitStart } from './await-start.ts';
import { withCpuTime } from './cpu-time.ts';
import { HostThread } from './host-thread.ts';
import { drive, type DriverParts, LONG_SPINS, SPINS } from './driver.ts';
import { SharedDestinationGuest, SharedSourceGuest } from '../common/guests.ts';
import { ownKinds } from '../common/own-kinds.ts';
import { openGuestSide } from '../common/guest-side.ts';
import { workHandlers } from '../common/work.ts';
import { LIVE_PHASES, RunWords } from './run-words.ts';
import type { EngineTask, Tasks } from './tasks.ts';
import { rehearse } from './rehearsal.ts';
import { ProtectedHostThread } from './replication/host-thread.ts';
import { askToSave } from './replication/page-saving.ts';
import { restoreInThread } from './snapshot/restore-thread.ts';
import { laneInThread, saveInThread } from './snapshot/save-thread.ts';
import { warmUpVcpu } from './warm-up.ts';

/**
 * The entry of the pool's worker threads. Its functions open what they were sent and call the code of other
 * folders. Workers always run the compiled form of this file (see pool.ts).
 */

type Handlers = {
  [Name in keyof Tasks]: (task: Tasks[Name][0]) => Tasks[Name][1] | Promise<Tasks[Name][1]>;
};

export const { fill, load, prefault, readPages, replay, compare, digest } = workHandlers;

export const vcpu: Handlers['vcpu'] = ({
  guestSide: shared,
  plan,
  vcpu: number,
  clockOrigin,
  runWords,
  host: hostParts,
  savesPages,
}) => {
  const guestSide = openGuestSide(shared);
  const { memory, words, area } = guestSide;
  const writer = number + 1;
  for (const slot of memory.slots) warmUpVcpu(slot, writer, plan.streams.length + number);
  const run = new RunWords(runWords);
  run.reportReady();
  const doorbell = hostParts
    ? new Doorbell(new Int32Array(hostParts.doorbell), 0)
    : guestSide.doorbell;
  const handshake = new WriterHandshake(words, writer, doorbell);
  const site = { vcpu: number, plan, memory, words };
  const caller = new HostCaller(words, handshake, run.isAborted);
  const host = hostParts && new VcpuHost({ ...site, caller, balloon: hostParts.balloon });
  return runVcpu({
    ...site,
    area,
    handshake,
    marks: marksOf(guestSide.log.kind, writer, guestSide.rings),
    hints: guestSide.hints,
    clock: monotonicClock(clockOrigin),
    ...(hasFreeCores(plan) ? { pageSpins: LONG_PAGE_SPINS } : {}),
    ...(host ? { host, layers: host.layers } : {}),
    ...(savesPages ? { layers: [askToSave(caller)] } : {}),
  });
};

/** Whether each vCPU and each of the two engines can have a core to itself. */
const hasFreeCores = (plan: GuestPlan): boolean => availableParallelism() >= plan.vcpus + 2;

export const host: Handlers['host'] = (task) => new HostThread(task).run();

export const protectedHost: Handlers['protectedHost'] = (task) =>
  new ProtectedHostThread(task).run();

/** Rehearses; a failure is reported on stderr, and the run goes on without its rehearsal. */
function tryToRehearse(...parts: Parameters<typeof rehearse>): void {
  try {
    rehearse(...parts);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    process.stderr.write(`the rehearsal failed, so the first round may be slow: ${why}\n`);
  }
}

function openEngine(task: EngineTask, side: 'source' | 'destination') {
  const guestSide = openGuestSide(task.guestSide);
  const peerWords = new Int32Array(task.peerHandshake);
  const isSource = side === 'source';
  const sourceWords = isSource ? guestSide.words : peerWords;
  const destinationWords = isSource ? peerWords : guestSide.words;
  const hasCores = hasFreeCores(task.plan);
  const clock = monotonicClock(task.clockOrigin);
  const words = new RunWords(task.runWords);
  const end = isSource ? 'near' : 'far';
  const connect = (flow?: Flow): Link =>
    ringLink({
      clock,
      outgoing: task.outgoing,
      incoming: task.incoming,
      peerDoorbell: new Doorbell(peerWords, DOORBELL),
      bytesPerSecond: task.link.bytesPerSecond,
      latencyNs: task.link.latencyNs,
      line: { shared: task.line, side: end },
      ...(flow ? { flow } : {}),
      ...(isSource && task.channels ? { pacing: openSharedPacing(task.channels.pacing) } : {}),
    });
  // A run that shares its links learns its flow when the migration starts; any other run connects beforehand.
  const earlyLink = task.network ? undefined : connect();
  tryToRehearse(task, guestSide.log);
  words.reportReady();
  const parts = (link: Link, isGuestSettled: () => boolean): DriverParts => ({
    clock,
    link,
    doorbell: guestSide.doorbell,
    isGuestSettled,
    isCancelled: words.isCancelled,
    isAborted: words.isAborted,
    spins() {
      const isPaused = Atomics.load(sourceWords, PAUSE) !== 0;
      // While the guest stands still the two engines have the machine to themselves; in post-copy its
      // vCPUs run at the destination.
      const isPostcopy = (Atomics.load(destinationWords, GATE) & GATE_PRESENCE) !== 0;
      if (isPaused && !isPostcopy) return LONG_SPINS;
      return hasCores || isPaused ? SPINS : 0;
    },
  });
  const connectAtStart = (): Link => {
    awaitStart(words, guestSide.doorbell);
    return earlyLink ?? connect(new Network(task.network!).flow(words.flowOf(end)));
  };
  return { guestSide, clock, words, parts, connectAtStart };
}

export const source: Handlers['source'] = (task) => {
  const { guestSide, clock, words, parts, connectAtStart } = openEngine(task, 'source');
  const guest = new SharedSourceGuest(guestSide, task.plan, clock);
  const own = connectAtStart();
  const line = new Line(task.line, []);
  const senders = task.channels && new ThreadSenders(task.channels.senders, () => line.isLost);
  const link = senders ? new ChannelledLink(own, senders) : own;
  const watch = (session: SourceSession): void =>
    words.setFigures({
      phase: LIVE_PHASES.indexOf(session.phase),
      round: session.metrics.round,
      pagesLeft: session.unsent.count,
      bytes: link.postedBytes,
      ns: clock.now(),
      pastReturn: session.isPastReturn ? 1 : 0,
    });
  const { devices } = task;
  const options = {
    ...sourceOptions(task.link, task.migration, guestSide.memory, undefined, devices),
    meter: new EncodingMeter(clock),
  };
  const algorithm = sourceAlgorithm(
    { clock, link, guest, watch, options, ...(senders ? { senders } : {}) },
    task.migration,
    ownKinds,
  );
  const { result: report, ...cpu } = withCpuTime(() =>
    drive(
      algorithm,
      parts(link, () => guest.isSettled()),
    ),
  );
  senders?.dismiss();
  return { report, state: guest.savedState, rings: guestSide.logReaders().ringCounts(), ...cpu };
};

export const destination: Handlers['destination'] = (task) => {
  const { guestSide, clock, parts, connectAtStart } = openEngine(task, 'destination');
  const guest = new SharedDestinationGuest(guestSide, task.plan, clock);
  const link = connectAtStart();
  const { channels } = task;
  const algorithm = runDestination({
    clock,
    link,
    guest,
    ...(channels ? { receivers: new ThreadReceivers(channels.receivers) } : {}),
    ...(task.devices ? { devices: task.devices } : {}),
    ...recoveryOf(task.migration),
  });
  const { result: report, ...cpu } = withCpuTime(() =>
    drive(
      algorithm,
      parts(link, () => guest.isSettled()),
    ),
  );
  return { report, state: guest.loadedState, ...cpu };
};

export { receiveChannel, sendChannel } from './channels/workers.ts';

export const save: Handlers['save'] = saveInThread;
export const lane: Handlers['lane'] = laneInThread;
export const restore: Handlers['restore'] = restoreInThread;

export const dirtyRate: Handlers['dirtyRate'] = ({ guestSide: shared, plan, options, ...task }) => {
  const guestSide = openGuestSide(shared);
  const clock = monotonicClock(task.clockOrigin);
  const words = new RunWords(task.runWords);
  const guest = new SharedSourceGuest(guestSide, plan, clock);
  const countAccesses = (): number => accessesOf(guestSide.memory, plan);
  return drive(measureDirtyRate(guest, clock, options, countAccesses), {
    clock,
    link: noLink,
    doorbell: guestSide.doorbell,
    isGuestSettled: () => guest.isSettled(),
    isCancelled: words.isCancelled,
    isAborted: words.isAborted,
    spins: () => 0,
  });
};
