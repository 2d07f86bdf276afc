import { encodeControl, packControl } from '../wire/control.ts';
import { HEADER_BYTES, WireError } from '../wire/frame.ts';
import { ConnectionLost } from '../link/link.ts';
import { type PageTally, pagesOf, sumTallies } from '../wire/tally.ts';
import { helloAnchor, placeRunning, type RunningTimes } from './handover.ts';
import type { PostcopyPause, RoundReport } from './metrics.ts';
import type { Algorithm } from './ports.ts';
import { MigrationEnded, SourceSession, type SourceSide } from './source-session.ts';

export interface SourceReport {
  readonly outcome: 'completed' | 'cancelled' | 'diverged' | 'failed';
  readonly error?: string;
  /** RUN was sent, and nobody knows whether the guest runs. */
  readonly guestLost: boolean;
  readonly startNs: number;
  readonly endNs: number;
  /** When the first page went out. */
  readonly firstPageNs?: number;
  /** `handedNs`: the state and RUN are on their way. */
  readonly stop: SourceStop;
  /** When the guest came to run at the destination. */
  readonly running?: RunningTimes;
  /** After the switch to post-copy: what was pushed, and since when all pages are there. */
  readonly postcopy?: PostcopyReport;
  readonly rounds: readonly RoundReport[];
  readonly dirtySyncCount: number;
  /** Bytes as the policy's accounting has them. */
  readonly accountedBytes: number;
  readonly precopyBytes: number;
  readonly downtimeBytes: number;
  /** Pages that had yet to be sent at the end. */
  readonly unsentPages: number;
  /** Pages that the guest had given back when it was stopped: not sent, they read zero. */
  readonly releasedPages: number;
  readonly linkBytes: number;
}

export interface SourceStop {
  readonly pauseAskedNs?: number;
  readonly pausedNs?: number;
  readonly harvestedNs?: number;
  readonly handedNs?: number;
  /** Until when, after the pause was asked for, the link was busy with pages sent before it. */
  readonly queuedUntilNs?: number;
}

export interface PostcopyReport {
  readonly bytes: number;
  readonly tally: PageTally;
  /** Requests received from the destination. */
  readonly requests: number;
  /** How often, and for how long, it stood still without a connection. */
  readonly pauses?: readonly PostcopyPause[];
  /** When the last page was there; absent when that never came. */
  readonly presentNs?: number;
}

/** What pages were sent as, over all rounds and the push after the switch to post-copy. */
export function sentTally({
  rounds,
  postcopy,
}: Pick<SourceReport, 'rounds' | 'postcopy'>): PageTally {
  const tallies = rounds.map((round) => round.tally);
  return sumTallies(postcopy ? [...tallies, postcopy.tally] : tallies);
}

/** How the guest came to run at the destination. */
export interface HandedOver {
  readonly running: RunningTimes;
  /** Of post-copy: since when all pages are there. */
  readonly presentNs?: number;
}

/**
 * Runs a source algorithm to its end, whatever that is. Before the point of no return every end but
 * completion leaves the guest running at the source, with its log off, and tells the destination.
 */
export function* runSource(
  side: SourceSide,
  body: (session: SourceSession) => Algorithm<HandedOver>,
): Algorithm<SourceReport> {
  const session = new SourceSession(side);
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
    // A destination that says it failed has not run the guest: the frozen one here goes on.
    const isPeerSafe = error instanceof MigrationEnded && error.isPeerSafe;
    const guestLost = session.isPastReturn && !isPeerSafe;
    if (!guestLost) yield* goOnHere(session);
    return report(session, { outcome, error: error.message, guestLost });
  }
}

function* hello(session: SourceSession): Algorithm<void> {
  const { guest, options, link } = session.side;
  const { slots, pageSize } = guest.memory;
  link.limit(options.pacing ? Infinity : options.maxBytesPerSecond);
  const { integrity } = options;
  const pages = slots.map(({ layout }) => layout.pages);
  const body = { slots: pages, pageSize, vcpus: guest.vcpus, integrity };
  yield* session.send({ name: 'hello', body });
  session.helloNs = helloAnchor(link.postedArrivalNs);
  yield* session.receive('welcome');
}

/**
 * The end of every algorithm that has sent all pages while the guest stood still: the state, RUN, and
 * the word that the guest runs there.
 */
export function* handOver(session: SourceSession): Algorithm<HandedOver> {
  yield* sendState(session, false);
  const since = yield* session.receive('running');
  return { running: placeRunning(session.helloNs, since) };
}

/** The state, then RUN, the point of no return. */
export function* sendState(session: SourceSession, postcopy: boolean): Algorithm<void> {
  const { guest, clock, options } = session.side;
  session.phase = 'handover';
  session.metrics.closeRound(clock.now());
  const stopped = session.metrics.rounds.at(-1)!;
  const stoppedPages = pagesOf(stopped.tally);
  const absentPages = session.unsent.count;
  const buffered = postcopy && options.pseudoPaging === true;
  yield* session.send({
    name: 'switchover',
    body: { stoppedPages, postcopy, absentPages, buffered },
  });
  yield* session.send({ name: 'state', body: { vcpus: guest.vcpuState() } });
  yield* session.send({ name: 'run', body: {} });
  session.isPastReturn = true;
  session.stop.handedNs = clock.now();
  session.side.watch?.(session);
}

function* goOnHere(session: SourceSession): Algorithm<void> {
  const { guest, clock } = session.side;
  session.metrics.closeRound(clock.now());
  session.phase = 'over';
  guest.throttle(0);
  guest.stun(0);
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

/** Tells the destination if the link still takes a frame; it may be what has failed. */
function* sendCancel(session: SourceSession): Algorithm<void> {
  try {
    yield* trySendCancel(session);
  } catch (error) {
    if (!(error instanceof ConnectionLost)) throw error;
  }
}

function* trySendCancel(session: SourceSession): Algorithm<void> {
  const { link, clock } = session.side;
  // A slow link may be busy with one large page for longer than that.
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

/** Over when the guest runs at the destination and has all its pages, in whichever order that came. */
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
    rounds: metrics.rounds,
    dirtySyncCount: metrics.dirtySyncCount,
    accountedBytes: metrics.accountedBytes,
    precopyBytes: metrics.liveBytes,
    downtimeBytes: metrics.stoppedBytes,
    unsentPages,
    releasedPages: session.released.count,
    linkBytes: side.link.postedBytes,
  };
}
