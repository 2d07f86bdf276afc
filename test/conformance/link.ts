import { beforeEach, describe, expect, it } from 'vitest';
import { ConnectionLost, type Link, PeerGone } from '../../src/link/link.ts';
import { WireError } from '../../src/wire/frame.ts';
import { LEAST_FRAME, pollNumber, postNumber } from '../support/frames.ts';

export interface LinkOptions {
  readonly bytesPerSecond: number;
  readonly latencyNs: number;
  /** The largest delay of a sender that the link makes up for. */
  readonly madeUpLagNs: number;
}

/** Both ends of a link, whose rings have 64 KiB each, with functions that move the time and cut the line. */
export interface LinkWorld {
  readonly near: Link;
  readonly far: Link;
  /** Moves the time of both ends. */
  moveTo(ns: number): void;
  cut(): void;
  /** Makes a new connection; returns false when an end still holds the lost one. */
  restore(): boolean;
  /** Closes the far end, as the death of its process would. */
  closeFar(): void;
}

const US = 1e3;
const MS = 1e6;
const RING_BYTES = 64 * 1024;
/** On this link a byte takes a microsecond. */
const SLOW: LinkOptions = { bytesPerSecond: 1e6, latencyNs: 50 * US, madeUpLagNs: 5 * MS };
const ENDLESS: LinkOptions = { ...SLOW, bytesPerSecond: Infinity, latencyNs: 0 };
/** How far ahead of the link a sender may be when no lookahead is set. */
const HORIZON_NS = MS;

const ringFull = (link: Link, bytes: number): number => {
  let posted = 0;
  while (postNumber(link, posted, bytes, 'pages')) posted++;
  return posted;
};

/** Tests what every link must do. Times are exact, because the clock stands still between calls. */
export function linkConformance(name: string, create: (options: LinkOptions) => LinkWorld): void {
  describe(`${name}, which carries frames,`, () => {
    let world: LinkWorld;
    let near: Link;
    let far: Link;
    beforeEach(() => {
      world = create(SLOW);
      ({ near, far } = world);
    });

    it('brings them in order, numbered from 0, each direction by itself', () => {
      for (const value of [7, 8, 9]) {
        expect(near.room(LEAST_FRAME, 'urgent')!.sequence).toBe(value - 7);
        expect(postNumber(near, value, LEAST_FRAME, 'urgent')).toBe(true);
      }
      expect(postNumber(far, 70)).toBe(true);
      world.moveTo(MS);
      expect([1, 2, 3, 4].map(() => pollNumber(far))).toEqual([7, 8, 9, undefined]);
      expect([pollNumber(near), pollNumber(near)]).toEqual([70, undefined]);
    });

    it('lets a frame arrive when its last byte has, one latency after it left, and not before', () => {
      expect(far.arrivalAtNs()).toBe(Infinity);
      postNumber(near, 1, 200);
      postNumber(near, 2, 300);
      expect(near.drainedAtNs).toBe(500 * US);
      expect(far.arrivalAtNs()).toBe(250 * US);
      world.moveTo(250 * US - 1);
      expect(pollNumber(far)).toBeUndefined();
      world.moveTo(250 * US);
      expect(pollNumber(far)).toBe(1);
      far.release();
      expect(far.arrivalAtNs()).toBe(550 * US);
      world.moveTo(550 * US);
      expect(pollNumber(far)).toBe(2);
      far.release();
      expect(far.arrivalAtNs()).toBe(Infinity);
    });

    it('gives a room that is asked for again, until the frame is posted', () => {
      const [first, second] = [near.room(100, 'pages')!, near.room(LEAST_FRAME, 'control')!];
      expect([second.at, second.sequence]).toEqual([first.at, 0]);
      postNumber(near, 1);
      expect(near.room(100, 'pages')!.sequence).toBe(1);
    });

    it('has no room for one while its sender is further ahead than the horizon, and says until when', () => {
      postNumber(near, 1, 3000);
      for (const kind of ['pages', 'control'] as const) {
        expect(near.room(100, kind)).toBeUndefined();
        expect(near.creditAtNs(kind)).toBe(3 * MS - HORIZON_NS);
      }
      world.moveTo(2 * MS - 1);
      expect(near.room(100, 'control')).toBeUndefined();
      world.moveTo(2 * MS);
      expect(near.room(100, 'control')).toBeDefined();
    });

    it('does not hold an urgent one back, which takes the next place in the line', () => {
      postNumber(near, 1, 3000, 'pages');
      expect(near.creditAtNs('urgent')).toBeLessThanOrEqual(0);
      expect(postNumber(near, 2, 500, 'urgent')).toBe(true);
      expect(near.drainedAtNs).toBe(3.5 * MS);
      expect(near.creditAtNs('pages')).toBe(3.5 * MS - HORIZON_NS);
      world.moveTo(3.5 * MS + 50 * US);
      expect([pollNumber(far), pollNumber(far)]).toEqual([1, 2]);
    });

    it("holds pages back by the migration's own limit, and neither control nor urgent frames", () => {
      near.limit(1e5);
      postNumber(near, 1, 1000, 'pages');
      // These frames leave at the link's rate; the next ones must wait until the limit has room for them.
      expect(near.drainedAtNs).toBe(1 * MS);
      expect(near.creditAtNs('pages')).toBe(10 * MS - HORIZON_NS);
      expect(postNumber(near, 2, 100, 'control')).toBe(true);
      expect(postNumber(near, 3, 100, 'urgent')).toBe(true);
      expect(near.creditAtNs('pages')).toBe(10 * MS - HORIZON_NS);
      world.moveTo(9 * MS - 1);
      expect(near.room(100, 'pages')).toBeUndefined();
      world.moveTo(9 * MS);
      near.limit(Infinity);
      postNumber(near, 4, 1000, 'pages');
      expect(near.room(100, 'pages')).toBeDefined();
    });

    it('takes its horizon from a lookahead, which also bounds the bytes of pages under way', () => {
      near.lookahead({ ns: 200 * US, bytes: 2048 });
      postNumber(near, 1, 1000, 'pages');
      expect(near.creditAtNs('pages')).toBe(800 * US);
      world.moveTo(1 * MS);
      expect(postNumber(near, 2, 1500, 'pages')).toBe(true);
      world.moveTo(5 * MS);
      // 2 500 bytes wait at the receiver, so the link takes no more pages, but other frames.
      expect(near.room(100, 'pages')).toBeUndefined();
      expect(near.creditAtNs('pages')).toBe(Infinity);
      expect(postNumber(near, 3, 100, 'control')).toBe(true);
      while (pollNumber(far) !== undefined);
      far.release();
      expect(near.room(100, 'pages')).toBeDefined();
    });

    it('makes up for a sender that comes late, but not for time in which it had nothing to send', () => {
      postNumber(near, 1, 1000);
      world.moveTo(3 * MS);
      postNumber(near, 2, 1000);
      expect(near.drainedAtNs).toBe(2 * MS);
      near.rest();
      world.moveTo(6 * MS);
      postNumber(near, 3, 1000);
      expect(near.drainedAtNs).toBe(7 * MS);
      // The link makes up for no more than 5 ms of a long delay.
      world.moveTo(30 * MS);
      postNumber(near, 4, 1000);
      expect(near.drainedAtNs).toBe(26 * MS);
    });

    it('counts the bytes of all that were posted, as they are on the link', () => {
      postNumber(near, 1, 100);
      postNumber(near, 2, 200, 'pages');
      postNumber(near, 3, 300, 'urgent');
      expect([near.postedBytes, far.postedBytes]).toEqual([600, 0]);
    });

    it('refuses a damaged one', () => {
      expect(near.room(LEAST_FRAME, 'control')).toBeDefined();
      near.post(LEAST_FRAME);
      world.moveTo(MS);
      expect(() => far.poll()).toThrow(WireError);
    });
  });

  describe(`${name}, which has so much room,`, () => {
    it('takes no more frames than that, and one more for each that is released', () => {
      const { near, far } = create(ENDLESS);
      const bytes = 6000;
      const posted = ringFull(near, bytes);
      expect(posted * bytes).toBeLessThan(RING_BYTES);
      expect((posted + 2) * bytes).toBeGreaterThan(RING_BYTES);
      expect(near.creditAtNs('pages')).toBe(Infinity);
      // A frame that has been read keeps its room until it is released.
      expect(pollNumber(far)).toBe(0);
      expect(near.room(bytes, 'pages')).toBeUndefined();
      far.release();
      // A frame does not cross the ring's end, so the room of further frames may be needed.
      while (near.creditAtNs('pages') === Infinity && pollNumber(far) !== undefined) far.release();
      expect(postNumber(near, posted, bytes, 'pages')).toBe(true);
    });

    it('brings every frame, in order, of a sender that always fills it', () => {
      const { near, far } = create(ENDLESS);
      let posted = 0;
      let polled = 0;
      while (polled < 500) {
        while (postNumber(near, posted, LEAST_FRAME + ((posted * 977) % 9000), 'pages')) posted++;
        expect(posted).toBeGreaterThan(polled);
        for (let i = 0; i <= polled % 3; i++) {
          const value = pollNumber(far);
          if (value === undefined) break;
          expect(value).toBe(polled++);
        }
      }
    });
  });

  describe(`${name}, which has lost its connection,`, () => {
    it('says so at once at both ends, and loses what was under way', () => {
      const world = create(SLOW);
      const { near, far } = world;
      postNumber(near, 1);
      world.cut();
      for (const link of [near, far]) {
        expect([link.arrivalAtNs(), link.creditAtNs('pages'), link.canReconnect()]).toEqual([
          0,
          0,
          false,
        ]);
        expect(() => link.poll()).toThrow(ConnectionLost);
        expect(() => link.room(64, 'control')).toThrow(ConnectionLost);
      }
    });

    it('goes on over the next one: empty, numbered from 0, and nothing booked', () => {
      const world = create(SLOW);
      const { near, far } = world;
      postNumber(near, 1);
      postNumber(near, 2, 30_000, 'pages');
      world.cut();
      expect(world.restore()).toBe(false);
      for (const link of [near, far]) expect(() => link.poll()).toThrow(ConnectionLost);
      expect(world.restore()).toBe(true);
      for (const link of [near, far]) {
        expect(link.canReconnect()).toBe(true);
        link.reconnect();
        expect([link.arrivalAtNs(), link.canReconnect()]).toEqual([Infinity, false]);
      }
      world.moveTo(1 * MS);
      expect(near.room(LEAST_FRAME, 'pages')!.sequence).toBe(0);
      postNumber(near, 3, 100);
      expect(near.drainedAtNs).toBe(1.1 * MS);
      world.moveTo(2 * MS);
      expect(pollNumber(far)).toBe(3);
      expect(near.postedBytes).toBe(LEAST_FRAME + 30_000 + 100);
    });

    it('has none any more when the other end is gone', () => {
      const world = create(SLOW);
      const { near, far } = world;
      postNumber(far, 5);
      world.closeFar();
      world.moveTo(MS);
      // The frame that it had sent can still be read.
      expect(pollNumber(near)).toBe(5);
      near.release();
      expect(near.arrivalAtNs()).toBe(0);
      expect(() => near.poll()).toThrow(PeerGone);
      expect(near.canReconnect()).toBe(true);
      expect(() => near.reconnect()).toThrow(PeerGone);
    });
  });
}
