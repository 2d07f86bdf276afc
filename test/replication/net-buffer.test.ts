import { describe, expect, it } from 'vitest';
import { NetBuffer, type PacketRun } from '../../src/replication/net-buffer.ts';

/** Packets of 100 bytes that a stream sends within a millisecond. */
const run = (from: number, to: number): PacketRun => ({
  stream: 0,
  from,
  to,
  bytesEach: 100,
  firstNs: from * 1e6,
  lastNs: to * 1e6,
});

function openBuffer() {
  const left: (readonly [number, number, number])[] = [];
  const net = new NetBuffer(({ from, to }, atNs) => left.push([from, to, atNs]));
  return { net, left };
}

describe('the buffer of the network', () => {
  it('lets packets leave when they are sent as long as it holds nothing', () => {
    const { net, left } = openBuffer();
    net.send(run(1, 3));
    expect(left).toEqual([[1, 3, 3e6]]);
    expect(net).toMatchObject({ heldPackets: 0, heldBytes: 0, mostHeldBytes: 0 });
  });

  it('releases what was sent before the barrier, and counts what it holds', () => {
    const { net, left } = openBuffer();
    net.isHolding = true;
    net.send(run(1, 3));
    net.barrier();
    net.send(run(4, 4));
    expect(net).toMatchObject({ heldPackets: 4, heldBytes: 400 });
    net.release(9e6);
    expect(left).toEqual([[1, 3, 9e6]]);
    expect(net).toMatchObject({ heldPackets: 1, heldBytes: 100, mostHeldBytes: 400 });
    net.release(10e6);
    expect(left).toHaveLength(1);
  });

  it('releases everything when it opens', () => {
    const { net, left } = openBuffer();
    net.isHolding = true;
    net.send(run(1, 1));
    net.barrier();
    net.send(run(2, 2));
    net.open(5e6);
    net.send(run(3, 3));
    expect(left.map(([from]) => from)).toEqual([1, 2, 3]);
    expect(net).toMatchObject({ heldPackets: 0, heldBytes: 0 });
  });
});
