import { type ControlBody, encodeControl, packControl } from '../wire/control.ts';
import { HEADER_BYTES, WireError } from '../wire/frame.ts';
import { ConnectionLost, HORIZON_NS } from '../link/link.ts';
import { type PageTally, pagesOf, sumTallies } from '../wire/tally.ts';
import type { ChannelsReport } from './channels/source-channels.ts';
import { describeDevices } from './devices/destination-devices.ts';
import { sendDevices } from './devices/send.ts';
import type { DevicesReport } from './devices/source-devices.ts';
import { explainDivergence } from './divergence.ts';
import { divergenceFacts } from './divergence-facts.ts';
import type { HintCounts } from './free-page-hints.ts';
import { helloAnchor, placeRunning, type RunningTimes } from './handover.ts';
import type { PostcopyPause, RoundReport } from './metrics.ts';
import { type PageRecord, PageRecorder } from './page-record/page-recorder.ts';
import type { Algorithm } from './ports.ts';
import type { CompressorName } from '../wire/compressors/registry.ts';
import type { CompressionCounts } from '../wire/packer.ts';
import type { XbzrleCounts } from '../wire/xbzrle.ts';
import type { ReferenceCounts } from './references/source-references.ts';
import { unthrottle } from './unthrottle.ts';
import { MigrationEnded, SourceSession, type SourceSide } from './source-session.ts';

/** How a migration went, as its source saw it; times are on the source's clock. */
export interface SourceReport {
  readonly outcome: 'completed' | 'cancelled' | 'diverged' | 'failed';
  readonly error?: string;
  /** Whether RUN was sent and nothing is known of the guest since. */
  readonly guestLost: boolean;
  readonly startNs: number;
  readonly endNs: number;
  /** When the first page was posted. */
  readonly firstPageNs?: number;
  readonly stop: SourceStop;
  /** When the guest began to run at the destination. */
  readonly running?: RunningTimes;
  /** What the devices of the guest took; absent if it has none. */
  readonly devices?: DevicesReport;
  /** What happened after the switch to post-copy, if there was one. */
  readonly postcopy?: PostcopyReport;
  readonly rounds: readonly RoundReport[];
  /** Which pages were sent and dirtied; absent unless that was wanted. */
  readonly pages?: PageRecord;
  /** What was sent as references; absent if that was not allowed. */
  readonly references?: ReferenceCounts;
  /** What XBZRLE did, and the size of its cache; absent without the encoding. */
  readonly xbzrle?: XbzrleCounts & { readonly cacheBytes: number };
  /** What compression did, by which method; absent without one. */
  readonly compression?: CompressionReport;
  /** How long each encoding took in ns, by its number; absent if that was not measured. */
  readonly encodingNs?: readonly number[];
  /** What the channels carried; absent without any beside the main one. */
  readonly channels?: ChannelsReport;
  /** The number of harvests, including the one at the start. */
  readonly dirtySyncCount: number;
  /** The bytes by the policy's accounting. */
  readonly accountedBytes: number;
  /** The bytes of page frames sent while the guest ran at the source. */
  readonly precopyBytes: number;
  /** The bytes of page frames sent while the guest was paused. */
  readonly downtimeBytes: number;
  /** The number of pages that had yet to be sent at the end. */
  readonly unsentPages: number;
  /** The number of pages that the guest had given back when it was stopped; they read zero and were not sent. */
  readonly releasedPages: number;
  /** The number of pages that stayed where their host had swapped them out to; absent if the hosts share no store. */
  readonly swappedPages?: number;
  /** What became of the guest's free-page hints; absent unless the migration took any. */
  readonly hints?: HintCounts;
  /** The bytes of all frames that the source posted. */
  readonly linkBytes: number;
}

/** What compression did. */
export interface CompressionReport extends CompressionCounts {
  readonly method: CompressorName;
}

/** The times of the switchover at the source; each is absent if it was not reached. */
export interface SourceStop {
  /** When the vCPUs were asked to pause. */
  readonly pauseAskedNs?: number;
  /** When all of them had paused. */
  readonly pausedNs?: number;
  /** When the last harvest was done. */
  readonly harvestedNs?: number;
  /** When the vCPUs' state and RUN had been posted. */
  readonly handedNs?: number;
  /** Until when the link was busy with pages posted before the vCPUs were asked to pause. */
  readonly queuedUntilNs?: number;
}

/** What the source pushed after the switch to post-copy. */
export interface PostcopyReport {
  readonly bytes: number;
  readonly tally: PageTally;
  /** The number of requests received from the destination. */
  readonly requests: number;
  /** The times in which it stood still because it had lost its connection. */
  readonly pauses?: readonly PostcopyPause[];
  /** When the last page was installed; absent if some never were. */
  readonly presentNs?: number;
}

/** Returns the pages sent by encoding, over all rounds and the push after the switch to post-copy. */
export function sentTally({
  rounds,
  postcopy,
}: Pick<SourceReport, 'rounds' | 'postcopy'>): PageTally {
  const tallies = rounds.map((round) => round.tally);
  return sumTallies(postcopy ? [...tallies, postcopy.tally] : tallies);
}

/** What an algorithm returns once the guest runs at the destination with all its pages. */
export interface HandedOver {
  readonly running: RunningTimes;
  /** When the last page was installed; only post-copy has it. */
  readonly presentNs?: number;
}

/**
 * Runs a source algorithm and reports how it ended. If it ends before the point of no return, the guest
 * runs on at the source with its dirty log off, and the destination is told.
 */
export function* runSource(
  side: SourceSide,
  body: (session: SourceSession) => Algorithm<HandedOver>,
): Algorithm<SourceReport> {
  const session = new SourceSession(side);
  if (side.options.recordPages) recordPages(session);
  try {
    yield* hello(session);
    yield* session.released.begin();
    const handed = yield* body(session);
    session.phase = 'over';
    side.watch?.(session);
    return report(session, { outcome: 'completed', guestLost: false, ...handed });
  } catch (error) {
    if (!(error instanceof MigrationEnded || error instanceof WireError)) throw error;
    const outcome = error instanceof MigrationEnded ? error.outcome : 'failed';
    // If the destination says that the guest has not run there, the paused guest here can go on.
    const isPeerSafe = error instanceof MigrationEnded && error.isPeerSafe;
    const guestLost = session.isPastReturn && !isPeerSafe;
    const reason = reasonOf(session, error);
    if (!guestLost) yield* resumeHere(session);
    return report(session, { outcome, error: reason, guestLost });
  }
}

function recordPages(session: SourceSession): void {
  const recorder = new PageRecorder(session);
  session.metrics.recorder = recorder;
  session.log.observe(recorder.observe);
}

/** Says why a migration has ended; for one that has diverged also how it stood and what would have helped. */
function reasonOf(session: SourceSession, error: MigrationEnded | WireError): string {
  if (!(error instanceof MigrationEnded) || error.outcome !== 'diverged') return error.message;
  return `${error.message}: ${explainDivergence(divergenceFacts(session, error.isByPolicy))}`;
}

/** Returns what HELLO says of compressed pages. */
function compressionOf({ encoder }: SourceSession): Pick<ControlBody<'hello'>, 'compression'> {
  if (!encoder.packer) return {};
  const { method, blockPages, words } = encoder.packer.compression;
  return { compression: { method, blockPages, ...(words ? { words } : {}) } };
}

export function* hello(session: SourceSession): Algorithm<void> {
  const { guest, options, link } = session.side;
  const { slots, pageSize } = guest.memory;
  link.limit(options.pacing ? Infinity : options.maxBytesPerSecond);
  const { sendBufferBytes = 0, linkBytesPerSecond } = options;
  if (sendBufferBytes > 0) {
    const ns = HORIZON_NS + (sendBufferBytes / linkBytesPerSecond) * 1e9;
    link.lookahead({ ns, bytes: Infinity });
  }
  const { integrity } = options;
  const pages = slots.map(({ layout }) => layout.pages);
  const { devices } = session;
  const body = {
    slots: pages,
    pageSize,
    vcpus: guest.vcpus,
    integrity,
    ...(devices ? { devices: describeDevices(devices.specs) } : {}),
    ...(devices?.awaitsAck ? { switchoverAck: true as const } : {}),
    ...(session.references ? { guest: session.references.guest } : {}),
    ...(session.encoder.xbzrle ? { xbzrle: true as const } : {}),
    ...compressionOf(session),
    ...(session.side.senders ? { channels: session.side.senders.count } : {}),
  };
  yield* session.send({ name: 'hello', body });
  session.helloNs = helloAnchor(link.postedArrivalNs);
  yield* session.receive('welcome');
}

/**
 * Ends an algorithm that has sent all pages: sends the vCPUs' state and RUN, and waits until the guest
 * runs at the destination.
 */
export function* handOver(session: SourceSession): Algorithm<HandedOver> {
  yield* sendState(session, false);
  const since = yield* session.receive('running');
  if (session.devices) session.devices.times = since.devices;
  return { running: placeRunning(session.helloNs, since) };
}

/** Sends SWITCHOVER, the vCPUs' state, and RUN, which is the point of no return. */
export function* sendState(session: SourceSession, postcopy: boolean): Algorithm<void> {
  const { guest, clock, options } = session.side;
  session.phase = 'handover';
  if (session.channels) yield* session.channels.flush();
  session.metrics.closeRound(clock.now());
  const stopped = session.metrics.rounds.at(-1)!;
  const stoppedPages = pagesOf(stopped.tally);
  const absentPages = session.unsent.count;
  const buffered = postcopy && options.pseudoPaging === true;
  yield* session.send({
    name: 'switchover',
    body: { stoppedPages, postcopy, absentPages, buffered },
  });
  yield* sendDevices(session);
  yield* session.send({ name: 'state', body: { vcpus: guest.vcpuState() } });
  yield* session.send({ name: 'run', body: {} });
  session.isPastReturn = true;
  session.stop.handedNs = clock.now();
  session.side.watch?.(session);
}

/** Lets the guest run on at the source without throttle and dirty log, and tells the destination. */
function* resumeHere(session: SourceSession): Algorithm<void> {
  const { guest, clock } = session.side;
  session.metrics.closeRound(clock.now());
  session.phase = 'over';
  session.hints?.done();
  unthrottle(guest);
  const untilNs = clock.now() + 5e9;
  if (session.isLogging) {
    session.log.stop();
    while (!guest.isSettled() && clock.now() < untilNs) yield { guest: true, untilNs };
  }
  if (session.isPaused) {
    guest.resume();
    while (!guest.isSettled() && clock.now() < untilNs) yield { guest: true, untilNs };
  }
  yield* sendCancel(session);
}

/** Sends CANCEL if the link still takes a frame; it may be the link that has failed. */
function* sendCancel(session: SourceSession): Algorithm<void> {
  try {
    yield* trySendCancel(session);
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
  }
}

function* trySendCancel(session: SourceSession): Algorithm<void> {
  const { link, clock } = session.side;
  // The 5 s begin when the link has room, since a slow one may be busy with a large page for longer.
  const creditNs = link.creditAtNs('control');
  const untilNs = Math.max(clock.now(), Number.isFinite(creditNs) ? creditNs : 0) + 5e9;
  const packed = packControl({ name: 'cancel', body: {} });
  let room = link.room(packed.length + HEADER_BYTES, 'control');
  while (!room && clock.now() < untilNs) {
    yield { credit: 'control', untilNs };
    room = link.room(packed.length + HEADER_BYTES, 'control');
  }
  if (room) link.post(encodeControl(room.memory, room.at, 'cancel', packed, room.sequence));
}

/** Returns what compression did, and what the encodings cost beside it. */
function compressionReport({
  encoder: { packer },
  side,
}: SourceSession): Pick<SourceReport, 'compression' | 'encodingNs'> {
  if (!packer) return {};
  const { meter } = side.options;
  return {
    compression: { method: packer.compression.method, ...packer.counts },
    ...(meter ? { encodingNs: [...meter.ns] } : {}),
  };
}

/** Returns when the guest both ran at the destination and had all its pages there. */
function endOf(runningNs?: number, presentNs?: number): number | undefined {
  if (runningNs === undefined || presentNs === undefined) return runningNs;
  return Math.max(runningNs, presentNs);
}

function report(
  session: SourceSession,
  end: Pick<SourceReport, 'outcome' | 'guestLost'> & {
    error?: string;
    running?: RunningTimes;
    presentNs?: number;
  },
): SourceReport {
  const { metrics, side } = session;
  const { presentNs, ...rest } = end;
  const running = end.running ?? session.running;
  session.references?.giveBack();
  const unsentPages = session.unsent.count;
  session.log.close();
  return {
    ...rest,
    ...(running ? { running } : {}),
    startNs: session.startNs,
    endNs: endOf(end.running?.runningNs, presentNs) ?? side.clock.now(),
    ...(session.isPostcopy
      ? { postcopy: { ...metrics.postcopy, ...(presentNs === undefined ? {} : { presentNs }) } }
      : {}),
    ...(session.firstPageNs === undefined ? {} : { firstPageNs: session.firstPageNs }),
    stop: session.stop,
    ...(session.devices ? { devices: session.devices.report() } : {}),
    rounds: metrics.rounds,
    ...(session.references ? { references: session.references.counts } : {}),
    ...(session.encoder.xbzrle
      ? {
          xbzrle: {
            ...session.encoder.xbzrle.counts,
            cacheBytes: session.encoder.xbzrle.cacheBytes,
          },
        }
      : {}),
    ...compressionReport(session),
    ...(session.channels ? { channels: session.channels.report() } : {}),
    ...(metrics.recorder ? { pages: metrics.recorder.record() } : {}),
    dirtySyncCount: metrics.dirtySyncCount,
    accountedBytes: metrics.accountedBytes,
    precopyBytes: metrics.liveBytes,
    downtimeBytes: metrics.stoppedBytes,
    unsentPages,
    releasedPages: session.released.count,
    ...(side.guest.host?.sharesStore ? { swappedPages: session.released.swapped.count } : {}),
    ...(session.hints ? { hints: session.hints.counts } : {}),
    linkBytes: side.link.postedBytes,
  };
}
