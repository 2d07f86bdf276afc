import { describe, expect, it } from 'vitest';
import { gateBytes } from '../../src/memory/gate/page-gate.ts';
import { pageStates } from '../../src/memory/page-states.ts';
import { closeRing } from '../../src/link/ring.ts';
import { frameName } from '../../src/wire/frame.ts';
import {
  changed,
  HAS_RUN,
  inState,
  type Lone,
  memoryOf,
  OPTIONAL,
  pageOf,
  PATHS,
  play,
  post,
  runsHere,
  UNKNOWN_TYPE,
} from '../support/lone-destination.ts';
import { FRAME_NAMES, stateTable } from '../support/peer.ts';

/*
 * What the destination does with every frame in every state. The states are these:
 *
 *   hello      nothing has come
 *   receiving  HELLO has come
 *   discarded  then DISCARD of the pages 2 and 3
 *   state      HELLO and SWITCHOVER have come
 *   run        then STATE
 *   partly     then RUN, of a post-copy whose pages 2 and 3 are absent: the guest runs
 *   whole      then PAGES with these two, so that no page is absent
 *   told       then END, so that COMPLETE has been said
 *   resume     the connection of `partly` was lost, and there is a new one
 *   lost       the connection of `receiving` was lost, and there is a new one
 *   failed     the destination has said FAILED, and the source has not closed the link
 *   over       the guest runs here, and nothing more is to come
 *
 * and the words mean:
 *
 *   ok         it is taken (EFFECTS has what that does)
 *   drop       its pages are counted, and none is written
 *   single     its page is counted, and not written
 *   skip       nothing happens, and the next frame is awaited
 *   turn       fatal: it came out of turn
 *   alien      fatal: there are no devices here
 *   refused    fatal: HELLO has agreed on no references
 *   order      fatal: its ranges do not lie behind those before
 *   absent     fatal: other pages are absent than it says
 *   late       fatal: pages can't be given back once others are absent
 *   missing    fatal: the source has not sent all pages
 *   end        the source calls the migration off
 *   done       fatal, but the guest is whole here, so that it counts as completed
 *   mute       ends the destination, which has nothing more to say to whom it does not know
 *   deaf       nothing happens until the source closes the link
 *   unread     nobody reads it any more
 */
const TABLE = stateTable(`
                hello  receiving  discarded  state  run   partly   whole  told  resume  lost  failed  over
  HELLO         ok     turn       turn       turn   turn  turn     turn   done  turn    mute  deaf    unread
  WELCOME       turn   turn       turn       turn   turn  turn     turn   done  turn    mute  deaf    unread
  PAGES         turn   ok         ok         turn   turn  ok       drop   drop  turn    mute  deaf    unread
  PART          turn   ok         ok         turn   turn  ok       single  single  turn    mute  deaf    unread
  SWITCHOVER    turn   ok         absent     turn   turn  turn     turn   done  turn    mute  deaf    unread
  SWITCHOVER/2  turn   absent     ok         turn   turn  turn     turn   done  turn    mute  deaf    unread
  STATE         turn   turn       turn       ok     turn  turn     turn   done  turn    mute  deaf    unread
  RUN           turn   turn       turn       turn   ok    turn     turn   done  turn    mute  deaf    unread
  RUNNING       turn   turn       turn       turn   turn  turn     turn   done  turn    mute  deaf    unread
  CANCEL        end    end        end        end    end   turn     turn   done  turn    mute  deaf    unread
  FAILED        turn   turn       turn       turn   turn  turn     turn   done  turn    mute  deaf    unread
  DISCARD       turn   ok         order      turn   turn  turn     turn   done  turn    mute  deaf    unread
  REQUEST       turn   turn       turn       turn   turn  turn     turn   done  turn    mute  deaf    unread
  END           turn   turn       turn       turn   turn  missing  ok     ok    turn    mute  deaf    unread
  COMPLETE      turn   turn       turn       turn   turn  turn     turn   done  turn    mute  deaf    unread
  RELEASED      turn   ok         late       turn   turn  turn     turn   done  turn    mute  deaf    unread
  FREE          turn   ok         late       turn   turn  turn     turn   done  turn    mute  deaf    unread
  SLOTS         turn   homely     homely     turn   turn  turn     turn   done  turn    mute  deaf    unread
  HINTED        turn   ok         late       turn   turn  turn     turn   done  turn    mute  deaf    unread
  RESUME        turn   turn       turn       turn   turn  turn     turn   done  ok      ok    deaf    unread
  RECEIVED      turn   turn       turn       turn   turn  turn     turn   done  turn    mute  deaf    unread
  RESUMED       turn   turn       turn       turn   turn  turn     turn   done  turn    mute  deaf    unread
  DEVICE        turn   alien      alien      alien  turn  turn     turn   done  turn    mute  deaf    unread
  ACK           turn   turn       turn       turn   turn  turn     turn   done  turn    mute  deaf    unread
  REFERENCE     turn   refused    refused    turn   turn  refused  refused  done  turn  mute  deaf    unread
  MISS          turn   turn       turn       turn   turn  turn     turn   done  turn    mute  deaf    unread
  FLUSH         turn   single-channel  single-channel  turn  turn  turn  turn  done  turn  mute  deaf  unread
  SYNC          turn   turn       turn       turn   turn  turn     turn   done  turn    mute  deaf    unread
  UNKNOWN       turn   turn       turn       turn   turn  turn     turn   done  turn    mute  deaf    unread
  OPTIONAL      skip   skip       skip       skip   skip  skip     skip   skip  skip    skip  deaf    unread
`);

/** The sentence of each fatal word, after `frame N: ` where it has that. */
const SENTENCES: Readonly<Record<string, (frame: string, at: string) => string>> = {
  turn: (frame, at) => `${at}${frame} came out of turn`,
  alien: (_, at) => `${at}there are no devices here`,
  homely: (_, at) => `${at}the guest prepared here has no overcommitted host`,
  'single-channel': () => 'there are no channels that could be flushed',
  refused: (_, at) => `${at}references were not agreed on`,
  order: (_, at) => `${at}ranges are not in ascending order`,
  late: (_, at) => `${at}pages are given back after others were made absent`,
  absent: (frame) =>
    frame === 'SWITCHOVER'
      ? 'the source says that 0 pages are missing, here 2 are'
      : 'the source says that 2 pages are missing, here 0 are',
  missing: () => 'the source has sent all pages, but 2 are missing',
};

/** The frames that end the migration well from each state, where that is possible. */
const REST: Readonly<Record<string, readonly string[]>> = {
  hello: ['HELLO', 'SWITCHOVER', 'STATE', 'RUN'],
  receiving: ['SWITCHOVER', 'STATE', 'RUN'],
  discarded: ['SWITCHOVER/2', 'STATE', 'RUN', 'PAGES', 'END'],
  state: ['STATE', 'RUN'],
  run: ['RUN'],
  partly: ['PAGES', 'END'],
  whole: ['END'],
  told: [],
  resume: ['RESUME', 'PAGES', 'END'],
};

/** What taking a frame does, by frame and state. Each gets the memory before it. */
type Effect = (lone: Lone, before: ReturnType<typeof memoryOf>) => void;

const says =
  (...names: string[]): Effect =>
  ({ peer }) =>
    expect(peer.names()).toEqual(names);

const brings =
  (...gfns: number[]): Effect =>
  (lone, before) => {
    expect(changed(before, lone)).toEqual(gfns);
    const { source, target } = lone.world;
    for (const gfn of gfns) expect(pageOf(target, gfn).equals(pageOf(source, gfn))).toBe(true);
    expect(lone.peer.names()).toEqual([]);
  };
const installs = brings(2, 3);
const installsOne = brings(2);

const EFFECTS: Readonly<Record<string, Effect>> = {
  'HELLO hello': says('WELCOME'),
  'PAGES receiving': installs,
  // The pages are absent all the same: what the source has said goes before.
  'PAGES discarded': (lone, before) => {
    installs(lone, before);
    expect(lone.world.targetGuest.presence.absent).toBe(2);
  },
  'PAGES partly': (lone, before) => {
    installs(lone, before);
    expect(lone.world.targetGuest.presence.absent).toBe(0);
  },
  'PART receiving': installsOne,
  'PART discarded': (lone, before) => {
    installsOne(lone, before);
    expect(lone.world.targetGuest.presence.absent).toBe(2);
  },
  'PART partly': (lone, before) => {
    installsOne(lone, before);
    expect(lone.world.targetGuest.presence.absent).toBe(1);
  },
  'SWITCHOVER receiving': says(),
  'SWITCHOVER/2 discarded': says(),
  'STATE state': ({ world }) =>
    expect(world.targetGuest.loadedState).toEqual(world.sourceGuest.savedState),
  'RUN run': (lone) => {
    says('RUNNING')(lone, memoryOf(lone));
    expect(runsHere(lone.world)).toBe(true);
    expect(lone.peer.result).toMatchObject({ outcome: 'completed' });
  },
  'DISCARD receiving': ({ world }) => {
    expect(world.targetGuest.presence.absent).toBe(2);
    const gates = gateBytes(world.target.memory.slots[0]!);
    const absent = [...gates.keys()].filter((gfn) => gates[gfn] !== 0);
    expect(absent).toEqual([2, 3]);
  },
  'END whole': says('COMPLETE'),
  // As over a new connection; it is said again.
  'END told': says('COMPLETE'),
  'RELEASED receiving': (lone, before) => {
    expect(changed(before, lone)).toEqual([4]);
    expect(pageOf(lone.world.target, 4).equals(Buffer.alloc(4096))).toBe(true);
    expect(new Set(pageStates(lone.world.target.memory.slots[0]!)).size).toBe(2);
  },
  'FREE receiving': (lone, before) => {
    expect(changed(before, lone)).toEqual([]);
    expect(new Set(pageStates(lone.world.target.memory.slots[0]!)).size).toBe(2);
  },
  'HINTED receiving': (lone, before) => {
    expect(changed(before, lone)).toEqual([5, 6]);
    expect(pageOf(lone.world.target, 5).equals(Buffer.alloc(4096))).toBe(true);
    expect(new Set(pageStates(lone.world.target.memory.slots[0]!)).size).toBe(2);
  },
  'RESUME resume': ({ peer, world }) => {
    expect(peer.heard.map(({ name }) => name)).toEqual(['RECEIVED', 'RESUMED', 'RUNNING']);
    expect(peer.heard[0]!.body).toEqual([0, 2, 4, 4]);
    expect(peer.heard[1]!.body).toEqual({ presentPages: 6 });
    expect(world.targetGuest.presence.absent).toBe(2);
  },
  // It has not run the guest, so that the source must hear of it.
  'RESUME lost': ({ peer }) => {
    const message = 'the link is dead: the connection was lost';
    expect(peer.heard).toEqual([{ name: 'FAILED', body: { message, ran: false } }]);
  },
};

/** The destination has failed with this sentence, and has said so unless nobody is there to hear it. */
function expectFailed(lone: Lone, state: string, sentence: string, isTold = true): void {
  const { peer, world } = lone;
  const ran = HAS_RUN.has(state);
  const failed = { name: 'FAILED', body: { message: sentence, ran } };
  expect(peer.heard).toEqual(isTold ? [failed] : []);
  closeRing(world.forward);
  peer.pass(1e6);
  expect(peer.result).toMatchObject({ outcome: 'failed', error: sentence });
  // A guest that has not run here never will.
  expect(runsHere(world)).toBe(ran);
}

/** The destination still takes what is to come. */
function expectGoesOn(lone: Lone, state: string): void {
  if (state === 'lost') {
    play(lone, ['RESUME']);
    expect(lone.peer.names()).toEqual(['FAILED']);
    return;
  }
  play(lone, REST[state]!);
  closeRing(lone.world.forward);
  lone.peer.pass(1e6);
  expect(lone.peer.result).toMatchObject({ outcome: 'completed' });
}

const sent = (frame: string, { peer }: Lone): { name: string; at: string } => {
  const types: Readonly<Record<string, number>> = { UNKNOWN: UNKNOWN_TYPE, OPTIONAL };
  const type = types[frame];
  const [name] = frame.split('/');
  return {
    name: type === undefined ? name! : frameName(type),
    at: `frame ${peer.posted - 1}: `,
  };
};

function expectCell(frame: string, state: string, word: string): void {
  const lone = inState(state);
  const { peer } = lone;
  const isOver = peer.result !== undefined;
  const before = memoryOf(lone);
  post[frame]!(lone);
  peer.pass(1e6);
  if (word === 'ok') {
    EFFECTS[`${frame} ${state}`]!(lone, before);
    return;
  }
  expect(memoryOf(lone)).toEqual(before);
  const { name, at } = sent(frame, lone);
  if (word === 'unread') {
    expect([isOver, peer.names()]).toEqual([true, []]);
  } else if (word === 'end') {
    expect([peer.result, peer.names()]).toMatchObject([{ outcome: 'cancelled' }, []]);
    expect(peer.result).not.toHaveProperty('error');
  } else if (word === 'done') {
    expect([peer.result, peer.names()]).toMatchObject([{ outcome: 'completed' }, []]);
  } else if (word === 'mute') {
    expectFailed(lone, state, 'the link is dead: the connection was lost', false);
  } else if (word === 'skip' || word === 'drop' || word === 'single' || word === 'deaf') {
    expect([peer.result, peer.names()]).toEqual([undefined, []]);
    if (word !== 'deaf') expectGoesOn(lone, state);
    if (word === 'drop') expect(peer.result).toMatchObject({ droppedPages: 2 });
    if (word === 'single') expect(peer.result).toMatchObject({ droppedPages: 1 });
  } else {
    expectFailed(lone, state, SENTENCES[word]!(word === 'absent' ? frame : name, at));
  }
}

describe('the table of the destination', () => {
  it('has a row for every frame type, and a word for every state', () => {
    const named = new Set([...TABLE.rows.keys()].map((row) => row.split('/')[0]));
    expect(named).toEqual(new Set([...FRAME_NAMES, 'UNKNOWN', 'OPTIONAL']));
    expect(new Set(TABLE.rows.keys())).toEqual(new Set(Object.keys(post)));
    expect(TABLE.states).toEqual(Object.keys(PATHS));
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
  'a destination in state $state',
  ({ state, column }) => {
    const cells = [...TABLE.rows].map(([frame, words]) => ({ frame, word: words[column]! }));
    it.each(cells)('$frame: $word', ({ frame, word }) => {
      expect(() => expectCell(frame, state, word)).not.toThrow();
    });
  },
);
