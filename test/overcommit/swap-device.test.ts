import { describe, expect, it } from 'vitest';
import { MachineMemory } from '../../src/overcommit/machine-memory.ts';
import { SwapDevice } from '../../src/overcommit/swap-device.ts';
import { Generator } from '../../src/random/generator.ts';

/** A device on which a byte takes a nanosecond. */
const deviceOf = (latencyNs = 0): SwapDevice => new SwapDevice({ latencyNs, bytesPerSecond: 1e9 });

describe('a swap device', () => {
  it('serves one request after another, with latencies that overlap', () => {
    const device = deviceOf(50);
    expect(device.read(0, 100)).toBe(150);
    expect(device.write(0, 100)).toBe(250);
    expect(device.read(1000, 100)).toBe(1150);
  });

  it('does not let a guest wait for what another asks for later', () => {
    const device = deviceOf(50);
    device.read(9000, 100);
    expect(device.read(1000, 100)).toBe(1150);
    expect(device.read(9000, 100)).toBe(9250);
  });

  it('gives a request all the time that later ones have left free, and no other', () => {
    const device = deviceOf();
    device.read(100, 100);
    device.read(250, 100);
    expect(device.read(50, 120)).toBe(370);
    expect(device.read(0, 50)).toBe(50);
    expect(device.read(0, 1)).toBe(371);
  });

  it('transfers no more than its bandwidth, in whatever order requests come', () => {
    const random = new Generator(1);
    const device = deviceOf();
    const busy = new Uint8Array(50_000);
    for (let i = 0; i < 3000; i++) {
      const [atNs, bytes] = [i * 10 + random.below(2000), 1 + random.below(20)];
      // A model that takes each nanosecond by itself.
      let [left, ns] = [bytes, atNs];
      for (; left > 0; ns++) {
        if (busy[ns] === 0) left--;
        busy[ns] = 1;
      }
      expect(device.read(atNs, bytes)).toBe(ns);
    }
  });

  it('serves equal guests equally, though one is advanced after the other', () => {
    const device = deviceOf(1000);
    const served = [0, 0];
    const nowNs = [0, 0];
    // Each guest asks for the next page when it has the one before, as one that faults again and again does.
    for (let stepNs = 10_000; stepNs <= 1e6; stepNs += 10_000) {
      for (const guest of [0, 1]) {
        for (; nowNs[guest]! < stepNs; served[guest]!++) {
          nowNs[guest] = device.read(nowNs[guest]!, 400);
        }
      }
    }
    expect(served[1]! / served[0]!).toBeGreaterThan(0.97);
    expect(served[1]! / served[0]!).toBeLessThan(1.03);
  });
});

describe('machine pages that are being written', () => {
  it('are free in the order in which their writes end', () => {
    const machine = new MachineMemory(2);
    const [a, b] = [machine.take(), machine.take()];
    machine.giveBackAt(a, 500);
    machine.giveBackAt(b, 300);
    expect(machine.nextPendingNs).toBe(300);
    machine.settle(300);
    expect(machine.take()).toBe(b);
    machine.settle(500);
    expect(machine.take()).toBe(a);
  });
});
