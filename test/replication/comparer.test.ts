import { describe, expect, it } from 'vitest';
import { Comparer } from '../../src/replication/colo/comparer.ts';
import { packetSum } from '../../src/replication/colo/packets.ts';
import { packetsOf, type PacketRun } from '../../src/replication/net-buffer.ts';

/** Packets of a stream that were sent a millisecond apart, the first at `from` ms. */
const run = (stream: number, from: number, to: number): PacketRun => {
  const times = { firstNs: from * 1e6, lastNs: to * 1e6 };
  return { stream, from, to, bytesEach: 100, ...times };
};

const sums = (stream: number, from: number, to: number, variant = 0) => {
  const numbers = Array.from({ length: to - from + 1 }, (_, i) => from + i);
  return { stream, from, sums: numbers.flatMap((number) => packetSum(stream, number, variant)) };
};

function comparerOf() {
  const left: string[] = [];
  let held = 0;
  const comparer = new Comparer({
    hold: (one) => void (held += packetsOf(one)),
    release: (one, atNs) => {
      held -= packetsOf(one);
      left.push(`${one.stream}: ${one.from}-${one.to} at ${atNs / 1e6}`);
    },
    sumOf: (stream, number) => packetSum(stream, number, 0),
  });
  return { comparer, left, held: () => held };
}

describe('a comparer', () => {
  it('releases a packet once both have sent it: at once if its twin is here, else when that comes', () => {
    const { comparer, left, held } = comparerOf();
    comparer.hear(sums(3, 1, 2), 0.5e6);
    comparer.send(run(3, 1, 5));
    expect(comparer.compare()).toBe(false);
    expect(left).toEqual(['3: 1-2 at 2']);
    comparer.hear(sums(3, 3, 4), 7e6);
    expect(comparer.compare()).toBe(false);
    expect(left).toEqual(['3: 1-2 at 2', '3: 3-4 at 7']);
    expect(held()).toBe(1);
  });

  it('tells packets that had to wait from those that were sent after their twins had come', () => {
    const { comparer, left } = comparerOf();
    comparer.send(run(0, 1, 6));
    comparer.hear(sums(0, 1, 6), 4e6);
    comparer.compare();
    expect(left).toEqual(['0: 1-3 at 4', '0: 4-6 at 6']);
  });

  it('compares each stream by itself, and stops at the first packet that differs', () => {
    const { comparer, left } = comparerOf();
    comparer.send(run(0, 1, 3));
    comparer.send(run(1, 1, 3));
    comparer.hear(sums(0, 1, 1), 3e6);
    comparer.hear(sums(0, 2, 3, 77), 3e6);
    comparer.hear(sums(1, 1, 3), 3e6);
    expect(comparer.compare()).toBe(true);
    expect(left).toEqual(['0: 1-1 at 3', '1: 1-2 at 3', '1: 3-3 at 3']);
    expect(comparer.compare()).toBe(true);
  });

  it('takes a packet with another number for one that differs', () => {
    const { comparer, left } = comparerOf();
    comparer.send(run(0, 1, 1));
    comparer.hear(sums(0, 2, 2), 1e6);
    expect(comparer.compare()).toBe(true);
    expect(left).toEqual([]);
  });

  it('says since when a packet of either side has waited', () => {
    const { comparer } = comparerOf();
    expect(comparer.waitingSinceNs()).toBe(Infinity);
    comparer.hear(sums(1, 1, 1), 9e6);
    expect(comparer.waitingSinceNs()).toBe(9e6);
    comparer.send(run(0, 4, 6));
    expect(comparer.waitingSinceNs()).toBe(4e6);
  });

  it('releases everything of its own at a checkpoint, and forgets what the other has sent', () => {
    const { comparer, left, held } = comparerOf();
    comparer.send(run(0, 1, 3));
    comparer.hear(sums(0, 1, 1, 77), 2e6);
    comparer.flush(8e6);
    expect(left).toEqual(['0: 1-3 at 8']);
    expect(held()).toBe(0);
    expect(comparer.waitingSinceNs()).toBe(Infinity);
  });
});
