import { afterEach, describe, expect, it, vi } from 'vitest';
import {
  createRings,
  type DrainedMaps,
  RingReader,
  RingWriter,
} from '../../src/memory/dirty-logs/rings.ts';

afterEach(() => vi.restoreAllMocks());

describe('a dirty ring', () => {
  it('has its entries before its head says so, whenever the engine looks', () => {
    const rings = createRings(1, 8);
    const writer = new RingWriter(rings, 0);
    const reader = new RingReader(rings, 0);
    const words = new Int32Array(4);
    const maps: DrainedMaps[] = [{ firstGfn: 0, endGfn: 64, words, halves: [0, 2] }];
    const drained: number[][] = [];
    const look = (): void => {
      words.fill(0);
      reader.drain(maps);
      const pages: number[] = [];
      for (let page = 0; page < 64; page++) {
        if (((words[page >>> 5]! | words[2 + (page >>> 5)]!) >>> (page & 31)) & 1) pages.push(page);
      }
      if (pages.length > 0) drained.push(pages);
    };
    const store = Atomics.store.bind(Atomics);
    let isInside = false;
    vi.spyOn(Atomics, 'store').mockImplementation(((
      array: Int32Array,
      at: number,
      value: number,
    ) => {
      const result = store(array, at, value);
      // The engine may look right after any store of the vCPU's; its own stores come from within.
      if (isInside) return result;
      isInside = true;
      look();
      isInside = false;
      return result;
    }) as typeof Atomics.store);
    writer.push(Int32Array.of(5, 40), 0, 2, 0, 1);
    look();
    writer.push(Int32Array.of(7), 0, 1, 2, 2);
    look();
    expect(drained).toEqual([[5, 40], [9]]);
  });
});
