import { describe, expect, it } from 'vitest';
import { PAUSE } from '../../src/memory/handshake/words.ts';
import { plainAccounting } from '../../src/migration/accounting.ts';
import { qemuWindow } from '../../src/migration/limiters.ts';
import { cursorOrder } from '../../src/migration/page-orders/cursor.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import { postcopySource } from '../../src/migration/postcopy.ts';
import { precopySource } from '../../src/migration/precopy.ts';
import type { SourceReport } from '../../src/migration/source.ts';
import type { SourceSession } from '../../src/migration/source-session.ts';
import { stopAndCopySource } from '../../src/migration/stop-and-copy.ts';
import { FRAME, frameName, OPTIONAL_TYPE } from '../../src/wire/frame.ts';
import { FakeWorld } from '../support/fake-world.ts';
import { FRAME_NAMES, Peer, stateTable } from '../support/peer.ts';

/*
 * What the source does with every frame in every state. The states are these:
 *
 *   welcome    HELLO is sent
 *   live       pre-copy sends pages, and waits until the link takes more
 *   window     pre-copy waits until its own limiter begins a new window
 *   stopped    the guest is paused, and its last pages are sent
 *   room       all pages are sent, and SWITCHOVER waits for its turn on the link
 *   running    RUN is sent, of a pre-copy
 *   pushing    post-copy pushes pages; the destination has not said anything since WELCOME
 *   started    then RUNNING has come
 *   ended      post-copy has sent END, and RUNNING has not come
 *   ran        then RUNNING has come
 *   recover    post-copy has lost its connection while it pushed, and has sent RESUME over the next one
 *   received   then RECEIVED with the pages 0 and 1
 *   over       the guest runs at the destination, and nothing more is to come
 *
 * and the words mean:
 *
 *   ok         it is taken (EFFECTS has what that does)
 *   skip       nothing happens, and the source goes on
 *   turn       fatal: it came out of turn
 *   alien      fatal: it is no frame that a source takes
 *   count      fatal: the destination says that it has other pages than those that it names
 *   order      fatal: its ranges do not lie behind those before
 *   stay       the migration has failed, and the guest goes on at the source
 *   lost       the migration has failed, and the guest may have run at the destination
 *   unread     nobody reads it any more
 *
 * A fatal frame that comes before RUN leaves the guest at the source; after RUN the guest is lost.
 */
const TABLE = stateTable(`
              welcome  live   window  stopped  room   running  pushing  started  ended  ran    recover  received  over
  HELLO       turn     turn   turn    turn     turn   turn     turn     turn     turn   turn   turn     turn      unread
  WELCOME     ok       turn   turn    turn     turn   turn     turn     turn     turn   turn   turn     turn      unread
  PAGES       alien    alien  alien   alien    alien  alien    alien    alien    alien  alien  alien    alien     unread
  SWITCHOVER  turn     turn   turn    turn     turn   turn     turn     turn     turn   turn   turn     turn      unread
  STATE       turn     turn   turn    turn     turn   turn     turn     turn     turn   turn   turn     turn      unread
  RUN         turn     turn   turn    turn     turn   turn     turn     turn     turn   turn   turn     turn      unread
  RUNNING     turn     turn   turn    turn     turn   ok       ok       turn     ok     turn   turn     turn      unread
  CANCEL      turn     turn   turn    turn     turn   turn     turn     turn     turn   turn   turn     turn      unread
  FAILED      stay     stay   stay    stay     stay   stay     stay     lost     stay   lost   stay     lost      unread
  FAILED/ran  stay     stay   stay    stay     stay   lost     lost     lost     lost   lost   lost     lost      unread
  DISCARD     alien    alien  alien   alien    alien  alien    alien    alien    alien  alien  alien    alien     unread
  REQUEST     turn     turn   turn    turn     turn   turn     ok       ok       ok     ok     turn     turn      unread
  END         turn     turn   turn    turn     turn   turn     turn     turn     turn   turn   turn     turn      unread
  COMPLETE    turn     turn   turn    turn     turn   turn     turn     turn     turn   ok     turn     turn      unread
  RELEASED    alien    alien  alien   alien    alien  alien    alien    alien    alien  alien  alien    alien     unread
  FREE        alien    alien  alien   alien    alien  alien    alien    alien    alien  alien  alien    alien     unread
  RESUME      turn     turn   turn    turn     turn   turn     turn     turn     turn   turn   turn     turn      unread
  RECEIVED    alien    alien  alien   alien    alien  alien    alien    alien    alien  alien  ok       order     unread
  RESUMED     turn     turn   turn    turn     turn   turn     turn     turn     turn   turn   count    ok        unread
  UNKNOWN     alien    alien  alien   alien    alien  alien    alien    alien    alien  alien  alien    alien     unread
  OPTIONAL    skip     skip   skip    skip     skip   skip     skip     skip     skip   skip   skip     skip      unread
`);

/** The sentence of each fatal word. */
const SENTENCES: Readonly<Record<string, (name: string, at: string) => string>> = {
  turn: (name) => `the destination sent ${name.toLowerCase()} out of turn`,
  alien: (name, at) => `${at}${name} is unknown here`,
  count: () => 'the destination says that it has 2 pages, and names 0',
  order: () => 'the destination names pages that are not in ascending order',
  stay: () => 'the destination failed: no',
  lost: () => 'the destination failed: no',
};

const PAGES = 8;
const UNKNOWN_TYPE = 99;
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

type Lone = ReturnType<typeof open>;

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

const post: Readonly<Record<string, (peer: Peer<SourceReport>) => void>> = {
  HELLO: (peer) => {
    const body = { slots: [PAGES], pageSize: 4096, vcpus: 1, integrity: 'full' } as const;
    peer.control({ name: 'hello', body });
  },
  WELCOME: (peer) => peer.control({ name: 'welcome', body: {} }),
  PAGES: (peer) => peer.bare(FRAME.pages),
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
  RESUME: (peer) => peer.control({ name: 'resume', body: {} }),
  RECEIVED: (peer) => peer.ranges('received', [0, 2]),
  RESUMED: (peer) => peer.control({ name: 'resumed', body: { presentPages: 2 } }),
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
const STATES: Readonly<Record<string, () => Lone>> = {
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
const PAST_RETURN = new Set([
  'running',
  'pushing',
  'started',
  'ended',
  'ran',
  'recover',
  'received',
]);

/** The times in RUNNING, on the source's clock. */
const placed = ({ session: { helloNs } }: Lone) => ({
  pagesNs: helloNs + 10,
  stateNs: helloNs + 200,
  runningNs: helloNs + 3000,
});

const startsToRun = (lone: Lone): void => {
  expect(lone.peer.result).toBeUndefined();
  expect(lone.session.running).toEqual(placed(lone));
};

/** The requested page goes out before any other, and is not pushed again. */
const sendsNext = ({ session }: Lone): void => {
  expect(session.metrics.postcopy.requests).toBe(1);
  expect(session.unsent.has(6)).toBe(false);
  expect(session.unsent.count).toBe(PAGES - 3);
};

/** The requested page has been sent already. */
const sendsNothing = ({ session, peer }: Lone): void => {
  expect(session.metrics.postcopy.requests).toBe(1);
  expect(peer.names()).toEqual([]);
};

/** What taking a frame does, by frame and state. */
const EFFECTS: Readonly<Record<string, (lone: Lone) => void>> = {
  'WELCOME welcome': (lone) => {
    lone.peer.until(() => lone.session.metrics.sentPages > 0);
    expect(lone.session.phase).toBe('live');
  },
  'RUNNING running': (lone) => {
    expect(lone.peer.result).toMatchObject({ outcome: 'completed', running: placed(lone) });
    expect(lone.peer.result!.endNs).toBe(placed(lone).runningNs);
  },
  'RUNNING pushing': startsToRun,
  'RUNNING ended': startsToRun,
  'REQUEST pushing': sendsNext,
  'REQUEST started': sendsNext,
  'REQUEST ended': sendsNothing,
  'REQUEST ran': sendsNothing,
  'COMPLETE ran': (lone) => {
    const presentNs = lone.session.helloNs + 40_000;
    expect(lone.peer.result).toMatchObject({ outcome: 'completed', postcopy: { presentNs } });
    expect(lone.peer.result!.endNs).toBe(presentNs);
  },
  'RECEIVED recover': ({ session, peer }) => {
    expect(session.phase).toBe('postcopy-recover');
    expect(peer.result).toBeUndefined();
    expect([session.unsent.has(0), session.unsent.has(1)]).toEqual([false, false]);
  },
  'RESUMED received': ({ session, peer }) => {
    expect(session.phase).toBe('postcopy');
    expect(peer.result).toBeUndefined();
    // Two pages had been sent, and both have arrived.
    expect(session.metrics.postcopy.pauses).toMatchObject([{ resentPages: 0 }]);
  },
};

/** The guest runs at the source, and the destination is told; or it runs nowhere that is known. */
function expectFailed(lone: Lone, sentence: string, guestLost: boolean): void {
  const { peer, world } = lone;
  // CANCEL has its turn on the link behind the pages.
  peer.pass(20e6);
  expect(peer.result).toMatchObject({ outcome: 'failed', error: sentence, guestLost });
  expect(Atomics.load(world.source.words, PAUSE)).toBe(guestLost ? 1 : 0);
  expect(peer.names().at(-1) === 'CANCEL').toBe(!guestLost);
}

function expectCell(frame: string, state: string, word: string): void {
  const lone = STATES[state]!();
  const { peer, session } = lone;
  const isOver = peer.result !== undefined;
  const { phase } = session;
  peer.names();
  post[frame]!(peer);
  // So short a time that a source that is not disturbed stays in its state.
  peer.pass(1e6);
  const [name] = frame.split('/');
  const at = `frame ${peer.posted - 1}: `;
  if (word === 'ok') {
    EFFECTS[`${frame} ${state}`]!(lone);
  } else if (word === 'unread') {
    expect([isOver, peer.names()]).toEqual([true, []]);
  } else if (word === 'skip') {
    expect([peer.result, session.phase]).toEqual([undefined, phase]);
    expectListens(lone, state);
  } else {
    const isLost = word === 'lost' || (word !== 'stay' && PAST_RETURN.has(state));
    const typeName = frame === 'UNKNOWN' ? frameName(UNKNOWN_TYPE) : name!;
    expectFailed(lone, SENTENCES[word]!(typeName, at), isLost);
  }
}

/** The source still takes what comes next. */
function expectListens(lone: Lone, state: string): void {
  post['FAILED']!(lone.peer);
  lone.peer.pass(1e6);
  const word = TABLE.rows.get('FAILED')![TABLE.states.indexOf(state)];
  expectFailed(lone, 'the destination failed: no', word === 'lost');
}

describe('the table of the source', () => {
  it('has a row for every frame type, and a word for every state', () => {
    const named = new Set([...TABLE.rows.keys()].map((row) => row.split('/')[0]));
    expect(named).toEqual(new Set([...FRAME_NAMES, 'UNKNOWN', 'OPTIONAL']));
    expect(new Set(TABLE.rows.keys())).toEqual(new Set(Object.keys(post)));
    expect(TABLE.states).toEqual(Object.keys(STATES));
    for (const words of TABLE.rows.values()) expect(words).toHaveLength(TABLE.states.length);
  });

  it('has an effect for every frame that is taken, and no other', () => {
    const taken = [...TABLE.rows].flatMap(([frame, words]) =>
      TABLE.states.filter((_, i) => words[i] === 'ok').map((state) => `${frame} ${state}`),
    );
    expect(new Set(Object.keys(EFFECTS))).toEqual(new Set(taken));
  });
});

describe.each(TABLE.states.map((state, column) => ({ state, column })))(
  'a source in state $state',
  ({ state, column }) => {
    const cells = [...TABLE.rows].map(([frame, words]) => ({ frame, word: words[column]! }));
    it.each(cells)('$frame: $word', ({ frame, word }) => {
      expect(() => expectCell(frame, state, word)).not.toThrow();
    });
  },
);
