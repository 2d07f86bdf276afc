import { describe, expect, it } from 'vitest';
import { PAUSE } from '../../src/memory/handshake/words.ts';
import { frameName } from '../../src/wire/frame.ts';
import {
  type Lone,
  PAGES,
  PAST_RETURN,
  post,
  STATES,
  UNKNOWN_TYPE,
} from '../support/lone-source.ts';
import { FRAME_NAMES, stateTable } from '../support/peer.ts';

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
  PART        alien    alien  alien   alien    alien  alien    alien    alien    alien  alien  alien    alien     unread
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
  SLOTS       alien    alien  alien   alien    alien  alien    alien    alien    alien  alien  alien    alien     unread
  HINTED      alien    alien  alien   alien    alien  alien    alien    alien    alien  alien  alien    alien     unread
  RESUME      turn     turn   turn    turn     turn   turn     turn     turn     turn   turn   turn     turn      unread
  RECEIVED    alien    alien  alien   alien    alien  alien    alien    alien    alien  alien  ok       order     unread
  RESUMED     turn     turn   turn    turn     turn   turn     turn     turn     turn   turn   count    ok        unread
  DEVICE      alien    alien  alien   alien    alien  alien    alien    alien    alien  alien  alien    alien     unread
  ACK         turn     turn   turn    turn     turn   turn     turn     turn     turn   turn   turn     turn      unread
  MISS        turn     turn   turn    turn     turn   turn     turn     turn     turn   turn   turn     turn      unread
  FLUSH       turn     turn   turn    turn     turn   turn     turn     turn     turn   turn   turn     turn      unread
  SYNC        turn     turn   turn    turn     turn   turn     turn     turn     turn   turn   turn     turn      unread
  REFERENCE   alien    alien  alien   alien    alien  alien    alien    alien    alien  alien  alien    alien     unread
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
