import { describe, expect, it } from 'vitest';
import { createLine, Line } from '../../src/link/line.ts';
import { ConnectionLost, type Link, PeerGone } from '../../src/link/link.ts';
import { ringLink } from '../../src/link/ring-link.ts';
import { closeRing, createRing } from '../../src/link/ring.ts';
import { Doorbell } from '../../src/memory/doorbell.ts';
import { Generator } from '../../src/random/generator.ts';
import { FRAME, HEADER_BYTES, sealFrame } from '../../src/wire/frame.ts';

function connect(latencyNs = 0) {
  const rings = { forward: createRing(64 * 1024), backward: createRing(64 * 1024) };
  const shared = createLine();
  const clock = { ns: 1, now: (): number => clock.ns };
  const peerDoorbell = new Doorbell(new Int32Array(new SharedArrayBuffer(8)), 0);
  const ends = { clock, peerDoorbell, bytesPerSecond: Infinity, latencyNs };
  const { forward, backward } = rings;
  const near = ringLink({
    ...ends,
    outgoing: forward,
    incoming: backward,
    line: { shared, side: 'near' },
  });
  const far = ringLink({
    ...ends,
    outgoing: backward,
    incoming: forward,
    line: { shared, side: 'far' },
  });
  return { near, far, clock, rings, line: new Line(shared, [forward, backward]) };
}

/** Posts a frame that holds a number; false when the ring has no room. */
function post(link: Link, value: number, bytes = 64): boolean {
  const room = link.room(HEADER_BYTES + bytes, 'control');
  if (!room) return false;
  const length = HEADER_BYTES + bytes;
  room.memory.view.setUint32(room.at + HEADER_BYTES, value, true);
  const { sequence } = room;
  const header = { type: FRAME.end, sequence, controlBytes: bytes, payloadOffset: length, length };
  sealFrame(room.memory, room.at, header);
  link.post(length);
  return true;
}

function poll(link: Link): number | undefined {
  const frame = link.poll();
  return frame?.memory.view.getUint32(frame.controlAt, true);
}

describe('a line', () => {
  it('that is cut loses what is under way, in both directions, and says so at once', () => {
    const { near, far, line } = connect();
    post(near, 1);
    post(near, 2);
    post(far, 3);
    expect(poll(far)).toBe(1);
    line.cut();
    expect([near.arrivalAtNs(), near.creditAtNs('pages')]).toEqual([0, 0]);
    expect(() => near.poll()).toThrow(ConnectionLost);
    expect(() => near.room(64, 'control')).toThrow(ConnectionLost);
    expect(() => far.poll()).toThrow(ConnectionLost);
    expect(line.restore()).toBe(true);
    for (const link of [near, far]) {
      expect(link.canReconnect()).toBe(true);
      link.reconnect();
      expect(link.poll()).toBeUndefined();
    }
    post(near, 4);
    expect(poll(far)).toBe(4);
  });

  it('is restored only when both ends have let go', () => {
    const { near, far, line } = connect();
    post(near, 1);
    line.cut();
    expect(line.restore()).toBe(false);
    expect(() => near.poll()).toThrow(ConnectionLost);
    expect([line.restore(), near.canReconnect()]).toEqual([false, false]);
    expect(() => far.poll()).toThrow(ConnectionLost);
    expect([line.restore(), line.restore()]).toEqual([true, false]);
  });

  it('takes no frame that got its room before the cut, nor the room of one that was read', () => {
    const { near, far, line, rings } = connect();
    post(near, 1);
    expect(poll(far)).toBe(1);
    const room = near.room(100, 'control')!;
    expect(room).toBeDefined();
    line.cut();
    const words = new Int32Array(rings.forward.memory.buffer, 0, 64);
    const before = words.slice();
    near.post(100);
    far.release();
    expect(words.slice()).toEqual(before);
    // Bytes that were posted count, whatever became of them.
    expect(near.postedBytes).toBe(HEADER_BYTES + 64 + 100);
    expect(line.restore()).toBe(true);
  });

  it('that is cut again before an end has gone over is lost for it again', () => {
    const { near, far, line } = connect();
    const bothLose = (): void => {
      for (const link of [near, far]) expect(() => link.poll()).toThrow(ConnectionLost);
    };
    line.cut();
    bothLose();
    line.restore();
    line.cut();
    expect(line.restore()).toBe(false);
    for (const link of [near, far]) link.reconnect();
    bothLose();
    expect(line.restore()).toBe(true);
    for (const link of [near, far]) link.reconnect();
    post(far, 9);
    expect(poll(near)).toBe(9);
  });

  it('whose other end is gone has no next connection', () => {
    const { near, line, rings } = connect();
    line.cut();
    expect(() => near.poll()).toThrow(ConnectionLost);
    expect(near.canReconnect()).toBe(false);
    closeRing(rings.backward);
    expect(near.canReconnect()).toBe(true);
    expect(() => near.reconnect()).toThrow(PeerGone);
  });

  it('brings a prefix of every connection, in order, whatever the order of events: 30 000 of them', () => {
    const { near, far, line, clock } = connect(5);
    const random = new Generator(11);
    const ends = [
      { link: near, sent: 0, received: 0, connection: 0 },
      { link: far, sent: 0, received: 0, connection: 0 },
    ];
    const seen = { frames: 0, cuts: 0, connections: 0, lost: 0 };
    const guarded = (end: (typeof ends)[number], act: () => void): void => {
      try {
        act();
      } catch (error) {
        expect(error).toBeInstanceOf(ConnectionLost);
        if (!end.link.canReconnect()) return;
        end.link.reconnect();
        seen.lost += end.sent;
        [end.sent, end.received] = [0, 0];
        end.connection++;
        seen.connections++;
      }
    };
    for (let step = 0; step < 30_000; step++) {
      clock.ns += random.below(4);
      const kind = random.below(40);
      if (kind === 0) {
        seen.cuts++;
        line.cut();
      } else if (kind === 1) line.restore();
      else {
        const side = random.below(2);
        const end = ends[side]!;
        const peer = ends[1 - side]!;
        if (kind < 20) {
          guarded(end, () => {
            if (post(end.link, end.connection * 1000 + end.sent, 64 + random.below(9000)))
              end.sent++;
          });
        } else {
          guarded(end, () => {
            const value = poll(end.link);
            if (value === undefined) return;
            expect(value).toBe(end.connection * 1000 + end.received++);
            // It was sent over the same connection.
            expect(peer.connection).toBe(end.connection);
            seen.frames++;
          });
        }
      }
    }
    expect(seen.frames).toBeGreaterThan(1000);
    expect(seen.connections).toBeGreaterThan(100);
  });
});
