import { describe, expect, it } from 'vitest';
import { MachineMemory } from '../../src/overcommit/machine-memory.ts';
import { SwapDevice } from '../../src/overcommit/swap-device.ts';
import { PageStore } from '../../src/memory/page-store.ts';

describe('machine memory', () => {
  it('hands out each page once, and again only after it came back', () => {
    const machine = new MachineMemory(3);
    const taken = [machine.take(), machine.take(), machine.take()];
    expect(new Set(taken).size).toBe(3);
    expect(machine.take()).toBe(-1);
    machine.giveBack(taken[1]!);
    expect(machine.freePages).toBe(1);
    expect(machine.take()).toBe(taken[1]);
  });

  it('frees a page that is written to the store when the write has ended', () => {
    const machine = new MachineMemory(2);
    const [a, b] = [machine.take(), machine.take()];
    machine.giveBackAt(a, 100);
    machine.giveBackAt(b, 200);
    machine.settle(99);
    expect([machine.freePages, machine.pendingPages]).toEqual([0, 2]);
    machine.settle(100);
    expect([machine.freePages, machine.pendingPages, machine.nextPendingNs]).toEqual([1, 1, 200]);
    machine.settle(1000);
    expect(machine.freePages).toBe(2);
  });
});

describe('a swap device', () => {
  it('serves one request after another, and its latency passes meanwhile', () => {
    const device = new SwapDevice({ latencyNs: 1000, bytesPerSecond: 4096e6 });
    expect(device.read(0, 4096)).toBe(2000);
    expect(device.write(0, 4096)).toBe(3000);
    expect(device.read(10_000, 4096)).toBe(12_000);
    expect([device.readBytes, device.writtenBytes]).toEqual([8192, 4096]);
  });
});

describe('a store of pages', () => {
  it('keeps pages apart, and reuses slots that were given back', () => {
    const store = new PageStore(4, 3);
    const slots = [1, 2, 3].map((value) => store.put(new Uint8Array(4).fill(value)));
    expect(slots.map((slot) => store.at(slot)[3])).toEqual([1, 2, 3]);
    expect(store.isFull).toBe(true);
    expect(() => store.put(new Uint8Array(4))).toThrow('full: it holds 3 pages');
    store.drop(slots[1]!);
    expect(store.put(new Uint8Array(4).fill(9))).toBe(slots[1]);
    expect(slots.map((slot) => store.at(slot)[0])).toEqual([1, 9, 3]);
  });
});
