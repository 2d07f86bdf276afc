import { describe, expect, it } from 'vitest';
import { createNetwork, Network } from '../../src/link/network.ts';
import { flowBucket, tokenBucket } from '../../src/link/rate-limiter.ts';
import { ringLink } from '../../src/link/ring-link.ts';
import { createRing } from '../../src/link/ring.ts';
import { Doorbell } from '../../src/memory/doorbell.ts';
import { Generator } from '../../src/random/generator.ts';
import { HEADER_BYTES } from '../../src/wire/frame.ts';
import { pollNumber, postNumber } from '../support/frames.ts';

const MS = 1e6;
const CAPACITY = 1e8;
/** With its header, a millisecond of the link. */
const FRAME_BYTES = 1e5 - HEADER_BYTES;
const LATENCY_NS = 50_000;

/** Migrations that send over one link, on one clock. */
function connect(count: number) {
  const network = new Network(createNetwork([{ name: 'shared', bytesPerSecond: CAPACITY }], count));
  const clock = { ns: 0, now: (): number => clock.ns };
  const peerDoorbell = new Doorbell(new Int32Array(new SharedArrayBuffer(8)), 0);
  const migrations = Array.from({ length: count }, () => {
    const flow = network.flow(network.openFlow([0]));
    const [forward, backward] = [createRing(4 * 1024 * 1024), createRing(64 * 1024)];
    const parts = { clock, peerDoorbell, latencyNs: LATENCY_NS, madeUpLagNs: 0 };
    const near = ringLink({
      ...parts,
      bytesPerSecond: CAPACITY,
      flow,
      outgoing: forward,
      incoming: backward,
    });
    const far = ringLink({
      ...parts,
      bytesPerSecond: Infinity,
      outgoing: backward,
      incoming: forward,
    });
    return { flow, near, far };
  });
  return { clock, migrations };
}

type Connected = ReturnType<typeof connect>;

/** Each of them sends as soon as it has credit, up to a time; a frame is read when it arrives. */
function sendUntil({ clock, migrations }: Connected, untilNs: number): void {
  for (;;) {
    for (const { far } of migrations) while (pollNumber(far) !== undefined);
    for (const { near } of migrations) while (postNumber(near, 1, FRAME_BYTES, 'pages'));
    const next = Math.min(
      ...migrations.map(({ near }) => near.creditAtNs('pages')),
      ...migrations.map(({ far }) => far.arrivalAtNs()),
    );
    if (next > untilNs) break;
    clock.ns = Math.max(clock.ns, next);
  }
  clock.ns = untilNs;
}

describe('links that share a network', () => {
  it('carry half of it each while two send, to the byte', () => {
    const world = connect(2);
    for (const { flow } of world.migrations) flow.start();
    sendUntil(world, 200 * MS);
    // A frame takes 2 ms of half the link; its sender is ahead by 1 ms at most.
    for (const { near } of world.migrations) {
      expect([near.postedBytes, near.drainedAtNs]).toEqual([101e5, 202 * MS]);
    }
  });

  it('carry what three limits leave each, and none more than it wants', () => {
    const world = connect(3);
    const [small, medium, large] = world.migrations.map(({ near }) => near);
    for (const { flow } of world.migrations) flow.start();
    small!.limit(CAPACITY / 10);
    medium!.limit(CAPACITY / 5);
    large!.limit(CAPACITY);
    sendUntil(world, 1000 * MS);
    expect([small, medium, large].map((near) => near!.postedBytes)).toEqual([101e5, 201e5, 701e5]);
  });

  it('change their rate with the next frame, and never that of one which has been sent', () => {
    const world = connect(2);
    const { clock } = world;
    const [first, second] = world.migrations;
    postNumber(first!.near, 1, FRAME_BYTES, 'pages');
    expect(first!.near.drainedAtNs).toBe(1 * MS);
    // Another comes while the frame is under way.
    clock.ns = 0.5 * MS;
    postNumber(second!.near, 2, FRAME_BYTES, 'pages');
    expect(second!.near.drainedAtNs).toBe(2.5 * MS);
    expect(first!.far.arrivalAtNs()).toBe(1 * MS + LATENCY_NS);
    postNumber(first!.near, 3, FRAME_BYTES, 'pages');
    expect(first!.near.drainedAtNs).toBe(3 * MS);
    // It goes, and its frame still arrives when it would have.
    second!.near.rest();
    expect(second!.far.arrivalAtNs()).toBe(2.5 * MS + LATENCY_NS);
    clock.ns = 3 * MS;
    postNumber(first!.near, 4, FRAME_BYTES, 'pages');
    expect(first!.near.drainedAtNs).toBe(4 * MS);
  });

  it("give a migration's limit to its flow, and take it back, while control frames pass it", () => {
    const world = connect(2);
    const [first, second] = world.migrations;
    for (const { flow } of world.migrations) flow.start();
    first!.near.limit(CAPACITY / 4);
    expect([first!.flow.rate(), second!.flow.rate()]).toEqual([CAPACITY / 4, (CAPACITY * 3) / 4]);
    postNumber(first!.near, 1, FRAME_BYTES, 'pages');
    world.clock.ns = 3.5 * MS;
    // The pages are held back by the migration's own bucket for as long again.
    postNumber(first!.near, 2, FRAME_BYTES, 'pages');
    world.clock.ns = 7.5 * MS;
    expect(first!.near.creditAtNs('pages')).toBe(7 * MS);
    first!.near.limit(Infinity);
    expect([first!.flow.rate(), second!.flow.rate()]).toEqual([CAPACITY / 2, CAPACITY / 2]);
  });

  it('begin anew after a lost connection: the flow rests until the next frame', () => {
    const world = connect(1);
    const { flow } = world.migrations[0]!;
    const bucket = flowBucket(flow, MS, 0);
    bucket.take(5e5, 0);
    expect([flow.rate(), bucket.readyAtNs()]).toEqual([CAPACITY, 4 * MS]);
    bucket.restart();
    expect(flow.rate()).toBe(0);
    expect(bucket.take(1e5, 7 * MS)).toBe(8 * MS);
  });
});

describe('the bucket of a flow that is alone', () => {
  it('books every frame as a token bucket of that rate does, to the bit', () => {
    const random = new Generator(7);
    for (const bytesPerSecond of [117_123_456.789, 125e6, 3e9 / 7, Infinity]) {
      const network = new Network(createNetwork([{ name: 'own', bytesPerSecond }], 1));
      const flow = network.flow(network.openFlow([0]));
      const lagNs = random.below(2) * 10 * MS;
      const buckets = [flowBucket(flow, MS, lagNs), tokenBucket(bytesPerSecond, MS, lagNs)];
      // A limit is the migration's own; it does not stretch a frame.
      flow.limit(1e6);
      for (let nowNs = 0, i = 0; i < 5000; i++, nowNs += random.below(3 * MS)) {
        const turn = random.below(20);
        const bytes = 64 + random.below(131_072);
        const horizonNs = random.below(2 * MS);
        const [shared, own] = buckets.map((bucket) => {
          if (turn === 0) bucket.rest();
          if (turn === 1) bucket.restart();
          if (turn === 2) bucket.setHorizon(horizonNs);
          const readyNs = Math.max(nowNs, bucket.readyAtNs());
          return [readyNs, bucket.take(bytes, nowNs), bucket.readyAtNs()];
        });
        expect(shared).toEqual(own);
      }
    }
  });
});
