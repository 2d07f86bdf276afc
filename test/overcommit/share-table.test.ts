import { describe, expect, it } from 'vitest';
import { ShareTable } from '../../src/overcommit/share-table.ts';
import { Generator } from '../../src/random/generator.ts';

describe('the table of page sharing', () => {
  it('takes 16 bytes a frame besides the heads of its chains', () => {
    expect(new ShareTable(65_536).bytesPerFrame).toBe(20);
    // 0.5 % of a page of 4 KiB (Waldspurger, OSDI 2002, section 4.2) is 20.48 bytes.
    expect(new ShareTable(100_000).bytesPerFrame).toBeLessThan(0.005 * 4096);
  });

  it('counts more sharers than 16 bits hold', () => {
    const table = new ShareTable(16);
    const frame = table.addShared(1, 2, 7);
    for (let i = 0; i < 70_000; i++) table.countSharer(frame, 1);
    expect(table.sharers(frame)).toBe(70_001);
    for (let i = 0; i < 70_000; i++) table.countSharer(frame, -1);
    expect(table.sharers(frame)).toBe(1);
    expect(table.isShared(frame)).toBe(true);
  });

  it('lets hints give way when it is full, and shared frames never', () => {
    const table = new ShareTable(8);
    for (let i = 0; i < 4; i++) expect(table.addShared(i, i, i)).toBeGreaterThanOrEqual(0);
    for (let i = 0; i < 20; i++) expect(table.addHint(i * 3, i, 0, i)).toBe(true);
    expect(table.hints).toBe(4);
    for (let i = 0; i < 4; i++) expect(table.frameOf(i, i, i)).toBeGreaterThanOrEqual(0);
    for (let i = 0; i < 4; i++)
      expect(table.addShared(100 + i, i, 50 + i)).toBeGreaterThanOrEqual(0);
    expect(table.addShared(200, 1, 99)).toBe(-1);
    expect(table.addHint(200, 1, 0, 1)).toBe(false);
  });

  it('is a multimap: it finds what was added and was not removed', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const random = new Generator(seed);
      const table = new ShareTable(64);
      const model = new Map<number, { low: number; high: number; page: number }>();
      for (let step = 0; step < 400; step++) {
        const [low, high] = [random.below(8), random.below(4) - 2];
        if (model.size < 60 && random.below(3) > 0) {
          const frame = table.addShared(low, high, step);
          expect(model.has(frame), `seed ${seed}`).toBe(false);
          model.set(frame, { low, high, page: step });
        } else {
          const [frame, one] = [...model][random.below(Math.max(1, model.size))] ?? [];
          if (frame === undefined || !one) continue;
          table.remove(frame, one.low);
          model.delete(frame);
        }
        const found = new Set<number>();
        for (let at = table.find(low, high); at >= 0; at = table.next(at)) found.add(at);
        for (const [frame, one] of model) {
          if (one.low !== low || one.high !== high) continue;
          expect(found.has(frame), `seed ${seed} step ${step}`).toBe(true);
          expect(table.machinePage(frame)).toBe(one.page);
        }
      }
      expect(table.sharedFrames, `seed ${seed}`).toBe(model.size);
    }
  });
});
