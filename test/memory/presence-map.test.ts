import { describe, expect, it } from 'vitest';
import { memoryOf } from '../../src/memory/guest-memory.ts';
import { PageGate } from '../../src/memory/gate/page-gate.ts';
import { asleepOf, createHandshake, wantedOf } from '../../src/memory/handshake/words.ts';
import { PAGE_PROTECTED } from '../../src/memory/kernels/abi.ts';
import { openSlot } from '../../src/memory/memslot.ts';
import { PresenceMap } from '../../src/memory/presence/presence-map.ts';
import { smallSlot } from '../support/slots.ts';

function open(writers = 4) {
  const shape = [
    { index: 0, firstGfn: 0, pages: 100 },
    { index: 1, firstGfn: 100, pages: 60 },
  ];
  const memory = memoryOf(shape.map((slot) => openSlot(smallSlot({ ...slot, writers }))));
  const words = new Int32Array(createHandshake(writers));
  return { memory, words, map: new PresenceMap(memory, words, writers) };
}

describe('a presence map', () => {
  it('lets every vCPU go on that waits for a page when that page comes', () => {
    const { map, memory, words } = open();
    map.discard(0, 160);
    for (const [writer, gfn] of [
      [1, 30],
      [2, 31],
      [3, 30],
    ] as const) {
      Atomics.store(words, wantedOf(writer), gfn + 1);
      Atomics.store(words, asleepOf(writer), 1);
    }
    map.claim(memory.slots[0]!, 30);
    map.publish(memory.slots[0]!, 30);
    expect([1, 2, 3].map((writer) => map.wantedBy(writer))).toEqual([-1, 31, -1]);
  });

  it('is told by a gate whether its own bits were set, whatever bits the others have', () => {
    const { map, memory, words } = open();
    const gate = new PageGate(memory, words);
    map.discard(120, 1);
    gate.mark(120, 1, PAGE_PROTECTED);
    const [, high] = memory.slots;
    expect(gate.unmark(high!, 20, PAGE_PROTECTED)).toBe(true);
    expect(gate.unmark(high!, 20, PAGE_PROTECTED)).toBe(false);
    expect(map.claim(high!, 20)).toBe(true);
  });

  it('lacks a page that is given up, which may be claimed again', () => {
    const { map, memory } = open();
    const [low] = memory.slots;
    map.discard(30, 2);
    expect([map.claim(low!, 30), map.claim(low!, 30)]).toEqual([true, false]);
    map.abandon(low!, 30);
    const list: number[] = [];
    map.listPresent(0, 10, list);
    expect([map.absent, list.slice(0, 2)]).toEqual([2, [0, 30]]);
    expect(map.claim(low!, 30)).toBe(true);
    map.publish(low!, 30);
    expect(map.absent).toBe(1);
  });

  it('takes a range that begins where the one before ended', () => {
    const { map } = open();
    expect([map.discard(0, 5), map.discard(5, 90), map.discard(95, 10)]).toEqual([
      true,
      true,
      true,
    ]);
    expect(map.absent).toBe(105);
    const list: number[] = [];
    map.listPresent(0, 10, list);
    expect(list).toEqual([105, 55]);
  });
});
