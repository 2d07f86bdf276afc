import { describe, expect, it } from 'vitest';
import { closeRing } from '../../src/link/ring.ts';
import { PAUSE } from '../../src/memory/handshake/words.ts';
import { HEADER_BYTES } from '../../src/wire/frame.ts';
import type { FrameRoom } from '../../src/link/link.ts';
import type { FakeWorldOptions } from '../support/fake-world.ts';
import * as destinations from '../support/lone-destination.ts';
import * as sources from '../support/lone-source.ts';

/** The places of a frame at which a bit is flipped on the way. */
const PLACES = {
  'sequence number': () => 12,
  'first byte of the control part': () => HEADER_BYTES,
  'last byte of the control part': (controlBytes: number) => HEADER_BYTES + controlBytes - 1,
} as const;
type Place = keyof typeof PLACES;
const PLACE_NAMES = Object.keys(PLACES) as Place[];

/** Flips a bit of each frame at a place; returns a function that says how many it has flipped. */
function damaging(peer: { spoil: (room: FrameRoom, length: number) => void }, place: Place) {
  let flips = 0;
  peer.spoil = ({ memory, at }): void => {
    const controlBytes = memory.view.getUint32(at + 16, true);
    if (controlBytes === 0 && place !== 'sequence number') return;
    memory.bytes[at + PLACES[place](controlBytes)]! ^= 4;
    flips++;
  };
  return (): number => flips;
}

/** The destination has failed, has said so, and is as it was before the frame. */
function expectRefused(lone: destinations.Lone, state: string, sentence: string): void {
  const { peer, world } = lone;
  const ran = destinations.HAS_RUN.has(state);
  expect(peer.heard).toEqual([{ name: 'FAILED', body: { message: sentence, ran } }]);
  closeRing(world.forward);
  peer.pass(1e6);
  expect(peer.result).toMatchObject({ outcome: 'failed', error: sentence });
  expect(destinations.runsHere(world)).toBe(ran);
}

// Every frame that a destination takes, in a state in which it does.
describe.each([
  ['HELLO', 'hello'],
  ['PAGES', 'receiving'],
  ['PAGES', 'partly'],
  ['RELEASED', 'receiving'],
  ['FREE', 'receiving'],
  ['DISCARD', 'receiving'],
  ['SWITCHOVER', 'receiving'],
  ['SWITCHOVER/2', 'discarded'],
  ['STATE', 'state'],
  ['RUN', 'run'],
  ['CANCEL', 'run'],
  ['END', 'whole'],
  ['RESUME', 'resume'],
  ['OPTIONAL', 'receiving'],
] as const)('%s that was damaged on the way to a destination in state %s', (frame, state) => {
  it.each(PLACE_NAMES)('is refused for its CRC: %s', (place) => {
    const lone = destinations.inState(state);
    const before = destinations.memoryOf(lone);
    const flips = damaging(lone.peer, place);
    destinations.post[frame]!(lone);
    if (flips() === 0) {
      expect(frame).toBe('OPTIONAL');
      return;
    }
    lone.peer.pass(1e6);
    expect(destinations.memoryOf(lone)).toEqual(before);
    expectRefused(lone, state, `frame ${lone.peer.posted - 1}: its CRC differs`);
  });
});

// Every frame that a source takes, in a state in which it does.
describe.each([
  ['WELCOME', 'welcome'],
  ['FAILED', 'live'],
  ['OPTIONAL', 'live'],
  ['FAILED', 'stopped'],
  ['RUNNING', 'running'],
  ['FAILED', 'running'],
  ['REQUEST', 'pushing'],
  ['RUNNING', 'pushing'],
  ['COMPLETE', 'ran'],
  ['RECEIVED', 'recover'],
  ['RESUMED', 'received'],
] as const)('%s that was damaged on the way to a source in state %s', (frame, state) => {
  it.each(PLACE_NAMES)('is refused for its CRC: %s', (place) => {
    const lone = sources.STATES[state]!();
    const { peer, world } = lone;
    peer.names();
    const flips = damaging(peer, place);
    sources.post[frame]!(peer);
    if (flips() === 0) {
      expect(frame).toBe('OPTIONAL');
      return;
    }
    peer.pass(25e6);
    // Nobody knows what a destination said that can't be understood.
    const guestLost = sources.PAST_RETURN.has(state);
    const error = `frame ${peer.posted - 1}: its CRC differs`;
    expect(peer.result).toMatchObject({ outcome: 'failed', error, guestLost });
    expect(Atomics.load(world.source.words, PAUSE)).toBe(guestLost ? 1 : 0);
    expect(peer.names().at(-1) === 'CANCEL').toBe(!guestLost);
  });
});

const withIntegrity = (integrity: 'full' | 'header') =>
  (['bytes', 'versions'] as const).map((backing) => ({
    backing,
    options: { backing, options: { integrity } } satisfies FakeWorldOptions,
  }));

describe.each(['receiving', 'partly'])(
  'a page that was damaged on the way to a destination in state %s',
  (state) => {
    /** Posts the pages 2 and 3 with a flipped bit in the last byte of the second. */
    const play = (options: FakeWorldOptions) => {
      const lone = destinations.inState(state, options);
      const before = destinations.memoryOf(lone);
      lone.peer.spoil = ({ memory, at }, length) => {
        memory.bytes[at + length - 1]! ^= 4;
      };
      destinations.post['PAGES']!(lone);
      lone.peer.pass(1e6);
      return { lone, before };
    };

    it.each(withIntegrity('full'))('is refused for its sum: $backing', ({ options }) => {
      const { lone, before } = play(options);
      expect(destinations.memoryOf(lone)).toEqual(before);
      const at = `frame ${lone.peer.posted - 1}`;
      const sentence = `${at}: the sum of raw page 1 differs: the page was damaged on the way`;
      expectRefused(lone, state, sentence);
    });

    // The proof is what finds it then.
    it.each(withIntegrity('header'))('is not noticed without sums: $backing', ({ options }) => {
      const { lone, before } = play(options);
      expect(lone.peer.names()).toEqual([]);
      expect(destinations.changed(before, lone)).toEqual([2, 3]);
      const [sent, found] = [lone.world.source, lone.world.target].map((side) =>
        destinations.pageOf(side, 3),
      );
      expect(found!.at(-1)! ^ sent!.at(-1)!).toBe(4);
    });
  },
);
