import { expect } from 'vitest';
import { plainAccounting } from '../../src/migration/accounting.ts';
import { qemuWindow } from '../../src/migration/limiters.ts';
import { cursorOrder } from '../../src/migration/page-orders/cursor.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import { postcopySource } from '../../src/migration/postcopy.ts';
import { precopySource } from '../../src/migration/precopy.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import type { SourceSession } from '../../src/migration/source-session.ts';
import { stopAndCopySource } from '../../src/migration/stop-and-copy.ts';
import { FRAME, OPTIONAL_TYPE } from '../../src/wire/frame.ts';
import { FakeWorld } from './fake-world.ts';
import { Peer } from './peer.ts';

/* A source whose destination is played by the test, frame by frame, and how it comes into each of its states. */

export const PAGES = 8;
export const UNKNOWN_TYPE = 99;
/** The bit lets a receiver skip the frame, even if the rest of the number is that of RUNNING. */
const OPTIONAL = OPTIONAL_TYPE | FRAME.running;
/** At this rate a page keeps the link busy for some 4 ms, so that each state lasts. */
const BYTES_PER_SECOND = 1e6;

const ALGORITHMS = {
  precopy: (side) => precopySource(side, roundsPolicy(2)),
  stopAndCopy: (side) => stopAndCopySource(side, roundsPolicy(1)),
  postcopy: (side) => postcopySource(side, cursorOrder(false)),
} satisfies Record<string, (side: FakeWorld['side']) => ReturnType<typeof postcopySource>>;

/** A limiter that lets two pages out in each window of 100 ms. */
function paced() {
  const accounting = plainAccounting(4096);
  return { accounting, limiter: qemuWindow(40_960, accounting) };
}

export type Lone = ReturnType<typeof open>;

/** A source whose destination is played by the test. */
function open(algorithm: keyof typeof ALGORITHMS, isPaced = false) {
  const world = new FakeWorld({
    pages: PAGES,
    zeroShare: 0,
    bytesPerSecond: BYTES_PER_SECOND,
    latencyNs: 0,
    ringBytes: { forward: 128 * 1024, backward: 64 * 1024 },
    ...(isPaced ? { options: { pacing: paced() } } : {}),
  });
  let seen: SourceSession | undefined;
  const side = { ...world.side, watch: (session: SourceSession) => void (seen = session) };
  const half = world.sourceHalf(ALGORITHMS[algorithm](side));
  const peer = new Peer<SourceReport>(world, world.far, half);
  peer.pass(1e6);
  return { world, peer, session: seen! };
}

export const post: Readonly<Record<string, (peer: Peer<SourceReport>) => void>> = {
  HELLO: (peer) => {
    const body = { slots: [PAGES], pageSize: 4096, vcpus: 1, integrity: 'full' } as const;
    peer.control({ name: 'hello', body });
  },
  WELCOME: (peer) => peer.control({ name: 'welcome', body: {} }),
  PAGES: (peer) => peer.bare(FRAME.pages),
  PART: (peer) => peer.bare(FRAME.part),
  SWITCHOVER: (peer) => {
    const body = { stoppedPages: 0, postcopy: false, absentPages: 0, buffered: false };
    peer.control({ name: 'switchover', body });
  },
  STATE: (peer) => peer.control({ name: 'state', body: { vcpus: [] } }),
  RUN: (peer) => peer.control({ name: 'run', body: {} }),
  RUNNING: (peer) =>
    peer.control({ name: 'running', body: { pagesNs: 10, stateNs: 200, runningNs: 3000 } }),
  CANCEL: (peer) => peer.control({ name: 'cancel', body: {} }),
  FAILED: (peer) => peer.control({ name: 'failed', body: { message: 'no', ran: false } }),
  'FAILED/ran': (peer) => peer.control({ name: 'failed', body: { message: 'no', ran: true } }),
  DISCARD: (peer) => peer.ranges('discard', [2, 2]),
  REQUEST: (peer) => peer.control({ name: 'request', body: { gfn: 6 } }),
  END: (peer) => peer.control({ name: 'end', body: {} }),
  COMPLETE: (peer) => peer.control({ name: 'complete', body: { presentNs: 40_000 } }),
  RELEASED: (peer) => peer.ranges('released', [2, 2]),
  FREE: (peer) => peer.ranges('free', [2, 2]),
  HINTED: (peer) => peer.ranges('hinted', [2, 2]),
  RESUME: (peer) => peer.control({ name: 'resume', body: {} }),
  RECEIVED: (peer) => peer.ranges('received', [0, 2]),
  RESUMED: (peer) => peer.control({ name: 'resumed', body: { presentPages: 2 } }),
  DEVICE: (peer) => peer.device({ device: 0, part: 'initial', offset: 0, bytes: 64 }),
  SLOTS: (peer) => peer.slots([2, 0]),
  ACK: (peer) => peer.control({ name: 'ack', body: {} }),
  MISS: (peer) => peer.control({ name: 'miss', body: { gfns: [] } }),
  FLUSH: (peer) => peer.control({ name: 'flush', body: { number: 1 } }),
  SYNC: (peer) => peer.control({ name: 'sync', body: { number: 1 } }),
  REFERENCE: (peer) => peer.bare(FRAME.reference),
  UNKNOWN: (peer) => peer.bare(UNKNOWN_TYPE),
  OPTIONAL: (peer) => peer.bare(OPTIONAL),
};

const hears = ({ peer }: Lone, name: string): void =>
  peer.until(() => peer.heard.some((frame) => frame.name === name));

/** Begins a migration whose destination has said WELCOME. */
function welcomed(algorithm: keyof typeof ALGORITHMS, isPaced = false): Lone {
  const lone = open(algorithm, isPaced);
  post['WELCOME']!(lone.peer);
  return lone;
}

/** Post-copy pushes, and has sent two pages of eight. */
function pushing(): Lone {
  const lone = welcomed('postcopy');
  lone.peer.until(() => lone.session.isPostcopy && lone.session.unsent.count === PAGES - 2);
  return lone;
}

function ended(): Lone {
  const lone = pushing();
  hears(lone, 'END');
  return lone;
}

/** RUNNING comes. */
function running(lone: Lone): Lone {
  post['RUNNING']!(lone.peer);
  lone.peer.pass(1e6);
  return lone;
}

function recovering(): Lone {
  const lone = pushing();
  lone.peer.reconnect();
  hears(lone, 'RESUME');
  return lone;
}

/** Brings a source into each state. */
export const STATES: Readonly<Record<string, () => Lone>> = {
  welcome: () => open('precopy'),
  live: () => {
    const lone = welcomed('precopy');
    lone.peer.until(() => lone.session.metrics.sentPages === 2);
    expect(lone.session.phase).toBe('live');
    return lone;
  },
  window: () => {
    const lone = welcomed('precopy', true);
    lone.peer.until(() => lone.session.isHeldBack);
    expect(lone.session.phase).toBe('live');
    return lone;
  },
  stopped: () => {
    const lone = welcomed('stopAndCopy');
    lone.peer.until(() => lone.session.metrics.sentPages === 2);
    expect(lone.session.phase).toBe('stopped');
    return lone;
  },
  room: () => {
    const lone = welcomed('stopAndCopy');
    lone.peer.until(() => lone.session.phase === 'handover');
    expect(lone.session.isPastReturn).toBe(false);
    return lone;
  },
  running: () => {
    const lone = welcomed('stopAndCopy');
    hears(lone, 'RUN');
    return lone;
  },
  pushing,
  started: () => running(pushing()),
  ended,
  ran: () => running(ended()),
  recover: recovering,
  received: () => {
    const lone = recovering();
    post['RECEIVED']!(lone.peer);
    lone.peer.pass(1e6);
    return lone;
  },
  over: () => {
    const lone = running(STATES['running']!());
    expect(lone.peer.result).toMatchObject({ outcome: 'completed' });
    return lone;
  },
};

/** In these states RUN has been sent. */
export const PAST_RETURN = new Set([
  'running',
  'pushing',
  'started',
  'ended',
  'ran',
  'recover',
  'received',
]);
