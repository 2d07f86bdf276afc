import { describe, expect, it } from 'vitest';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import { createHandshake } from '../../src/memory/handshake/words.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { OvercommittedMemory } from '../../src/overcommit/host.ts';
import { drawHost } from '../support/random-host.ts';
import { smallSlot } from '../support/slots.ts';

describe('a guest that stands still because it is moved', () => {
  it.each([
    [true, 1],
    [false, 0],
  ])('has a driver of its balloon that polls only while the guest runs: %s', (isRunning, polls) => {
    const host = new OvercommittedMemory({ ...drawHost(1).config, machinePages: 200 });
    const slot = openSlot(smallSlot({ index: 0, firstGfn: 0, pages: 100 }));
    const words = new Int32Array(createHandshake(2));
    const initial = { contents: [], seed: 1 };
    const grant = { minPages: 10, shares: 1 };
    const resident = host.admit(memoryOf([slot]), words, grant, initial);
    resident.guest = {
      advance: () => undefined,
      isRunning: () => isRunning,
      guestNs: () => 1e9,
      block: () => undefined,
    };
    let count = 0;
    resident.balloon = {
      pages: 0,
      mostPages: 50,
      targetPages: 0,
      room: () => 50,
      advance: () => void count++,
    };
    host.step(1e9);
    expect(count).toBe(polls);
  });
});
