import { describe, expect, it } from 'vitest';
import type { DestinationReport } from '../../src/migration/destination.ts';
import { twiceOrder } from '../../src/migration/page-orders/cursor.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import { postcopySource } from '../../src/migration/postcopy.ts';
import { precopySource } from '../../src/migration/precopy.ts';
import { stopAndCopySource } from '../../src/migration/stop-and-copy.ts';
import type { VcpuState } from '../../src/guest/vcpu-state.ts';
import { decodeControl, encodeControl, packControl } from '../../src/wire/control.ts';
import { FRAME, HEADER_BYTES, openFrame, sealFrame } from '../../src/wire/frame.ts';
import { batchPages, MAX_CONTROL_BYTES } from '../../src/wire/limits.ts';
import { createRing, RingProducer } from '../../src/link/ring.ts';
import { eachPageRun } from '../../src/wire/pages.ts';
import { FakeWorld, type FakeWorldOptions, ramOf } from '../support/fake-world.ts';
import { Peer } from '../support/peer.ts';

const AT = 4096 + 64;

describe('pages', () => {
  const FULL = batchPages(4096);

  /** Every second page is zero, so that each page is a run of its own; returns the pages of each frame. */
  const play = (pages: number, options: FakeWorldOptions = {}) => {
    const world = new FakeWorld({ pages, zeroShare: 0, bytesPerSecond: 10e9, ...options });
    for (const { ram, layout } of world.source.memory.slots) {
      for (let page = 0; page < layout.pages; page += 2) {
        ram.fill(0, page * layout.storedBytes, (page + 1) * layout.storedBytes);
      }
    }
    const frames: number[] = [];
    const poll = world.far.poll.bind(world.far);
    world.far.poll = () => {
      const frame = poll();
      if (frame?.type !== FRAME.pages) return frame;
      let count = 0;
      eachPageRun(frame.memory, frame.controlAt - HEADER_BYTES, (_, __, of) => (count += of));
      frames.push(count);
      return frame;
    };
    return { world, frames };
  };

  it('are at most 32 in a frame', () => expect(FULL).toBe(32));

  it.each([
    [1, [1]],
    [FULL - 1, [31]],
    [FULL, [32]],
    [FULL + 1, [32, 1]],
    [2 * FULL, [32, 32]],
    [2 * FULL + 1, [32, 32, 1]],
    [5 * FULL - 1, [32, 32, 32, 32, 31]],
  ])('%i go out in frames of %j', (pages, expected) => {
    for (const backing of ['bytes', 'versions'] as const) {
      const { world, frames } = play(pages, { backing });
      const { source } = world.play(stopAndCopySource(world.side, roundsPolicy(1)));
      expect(source, source.error).toMatchObject({ outcome: 'completed', unsentPages: 0 });
      expect(frames).toEqual(expected);
      expect(Buffer.compare(ramOf(world.target), ramOf(world.source))).toBe(0);
    }
  });

  it('of two memslots never share a frame', () => {
    const { world, frames } = play(2 * (FULL + 1), { memslots: 2 });
    const { source } = world.play(stopAndCopySource(world.side, roundsPolicy(1)));
    expect(source, source.error).toMatchObject({ outcome: 'completed', unsentPages: 0 });
    expect(frames).toEqual([32, 1, 32, 1]);
    expect(Buffer.compare(ramOf(world.target), ramOf(world.source))).toBe(0);
  });

  it('of an empty last set take no frame', () => {
    const { world, frames } = play(FULL);
    const { source } = world.play(precopySource(world.side, roundsPolicy(2)));
    expect(source, source.error).toMatchObject({ outcome: 'completed', downtimeBytes: 0 });
    expect(frames).toEqual([32]);
  });
});

describe('requests', () => {
  /** A post-copy that pushes next to nothing, whose destination asks for each of 40 pages and for some again. */
  const play = (requests: number) => {
    const world = new FakeWorld({
      pages: 40,
      zeroShare: 0,
      latencyNs: 0,
      options: { postcopyBytesPerSecond: 1 },
    });
    const peer = new Peer(
      world,
      world.far,
      world.sourceHalf(postcopySource(world.side, twiceOrder())),
    );
    peer.control({ name: 'welcome', body: {} });
    peer.until(() => peer.heard.some(({ name }) => name === 'RUN'));
    for (let i = 0; i < requests; i++) {
      peer.control({ name: 'request', body: { gfn: (7 * i) % 40 } });
    }
    peer.pass(5e6);
    return peer;
  };

  it.each([0, 1, 39, 40])('of %i pages in a row are all served', (requests) => {
    const { result, heard } = play(requests);
    expect(result).toBeUndefined();
    const pushed = heard.filter(({ name }) => name === 'PAGES').length;
    // Besides, the push has begun with one page.
    expect(pushed - requests).toBeGreaterThanOrEqual(requests === 40 ? 0 : 1);
    expect(pushed - requests).toBeLessThanOrEqual(1);
  });

  it('that are more than the guest has pages end the migration', () => {
    expect(play(41).result).toMatchObject({
      outcome: 'failed',
      error: 'the destination asks for more pages than the guest has',
      guestLost: true,
    });
  });
});

describe('the state of the vCPUs', () => {
  const stream = { n: 2 ** 40, writes: 2 ** 40, checksumLow: 1, checksumHigh: 2 };
  const stateOf = (streams: number, paddingBytes: number): VcpuState => ({
    guestNs: 0.5,
    aliveNs: 0.5,
    pausedNs: 0.5,
    throttled: 0.5,
    manager: [],
    streams: Array.from({ length: streams }, (_, index) => {
      // A whole number takes one byte, half a one nine; up to 15 of them do not change the list's own head.
      const ones = Math.min(7, Math.max(0, paddingBytes - 7 * index));
      const pace = [...Array<number>(8).fill(0.5), ...Array<number>(ones).fill(1)];
      return { stream: 128 + (index & 127), ...stream, pace };
    }),
  });
  const packedBytes = (state: VcpuState): number =>
    packControl({ name: 'state', body: { vcpus: [state] } }).length;

  /** Returns a state whose message has exactly MAX_CONTROL_BYTES and so many more. */
  const stateOfBytes = (more: number): VcpuState => {
    const perStream = packedBytes(stateOf(301, 0)) - packedBytes(stateOf(300, 0));
    const fixed = packedBytes(stateOf(300, 0)) - 300 * perStream;
    const streams = Math.floor((MAX_CONTROL_BYTES - fixed) / perStream) - 1;
    const state = stateOf(streams, MAX_CONTROL_BYTES + more - fixed - streams * perStream);
    return state;
  };

  it('may fill the longest control message', () => {
    const state = stateOfBytes(0);
    const packed = packControl({ name: 'state', body: { vcpus: [state] } });
    expect(packed).toHaveLength(MAX_CONTROL_BYTES);
    const { memory } = new RingProducer(createRing(2 * 1024 * 1024, false));
    const length = encodeControl(memory, AT, 'state', packed, 0);
    const message = decodeControl(openFrame(memory, AT, length, 0));
    expect(JSON.stringify(message.body)).toBe(JSON.stringify({ vcpus: [state] }));
  });

  it('that is one byte longer is refused by the sender, and the guest stays', () => {
    const state = stateOfBytes(1);
    const error = 'a state message of 1048577 bytes is too long';
    expect(() => packedBytes(state)).toThrow(error);
    const world = new FakeWorld({ pages: 8 });
    world.sourceGuest.vcpuState = () => [state];
    const { source } = world.play(stopAndCopySource(world.side, roundsPolicy(1)));
    expect(source).toMatchObject({ outcome: 'failed', guestLost: false, error });
  });

  it('that is one byte longer is refused by the receiver', () => {
    const { memory } = new RingProducer(createRing(2 * 1024 * 1024, false));
    const controlBytes = MAX_CONTROL_BYTES + 1;
    const length = HEADER_BYTES + controlBytes;
    const header = { type: FRAME.state, sequence: 0, controlBytes, payloadOffset: length, length };
    sealFrame(memory, AT, header);
    expect(() => decodeControl(openFrame(memory, AT, length, 0))).toThrow(
      'frame 0: its control message is too long',
    );
  });
});

describe('a list of memslots', () => {
  const hello = (slots: number) => {
    const world = new FakeWorld({ pages: 8 });
    const peer = new Peer<DestinationReport>(world, world.near, world.destinationHalf());
    const body = { pageSize: 4096, vcpus: 1, integrity: 'full' } as const;
    peer.control({ name: 'hello', body: { ...body, slots: Array<number>(slots).fill(1) } });
    peer.pass(5e6);
    return peer.heard.map(({ body: said }) => (said as { message: string }).message);
  };

  // The message that says so is longer than FAILED may be, so it is cut.
  it('that the destination does not have is refused in at most 4 096 characters', () => {
    const [message] = hello(2000);
    expect(message).toMatch(/^the source's guest \(1 \+ 1 /);
    expect(message).toHaveLength(4096);
  });

  it('of more than 65 536 is refused before any is used', () => {
    expect(hello(65_537)).toEqual(['frame 0: hello has a wrong body']);
  });
});
