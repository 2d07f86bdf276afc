import { describe, expect, it } from 'vitest';
import { SentTable } from '../../src/migration/references/sent-table.ts';
import { Generator } from '../../src/random/generator.ts';

const MIB = 1024 * 1024;

describe('the table of what was sent', () => {
  it('finds the latest page of each hash, by all of its 64 bits', () => {
    const table = new SentTable(MIB, 1000);
    table.note(7, 8, 0, 70);
    table.note(7, 9, 1, 71);
    table.note(7, 8, 2, 72);
    const found = [table.find(7, 8), table.find(7, 9)].map((at) => [
      table.guestOf(at),
      table.gfnOf(at),
    ]);
    expect(found).toEqual([
      [2, 72],
      [1, 71],
    ]);
    expect([table.find(8, 7), table.find(7, 10), table.find(0, 0)]).toEqual([-1, -1, -1]);
    expect(table.entries).toBe(2);
  });

  it('knows a hash of zeros only once that was noted', () => {
    const table = new SentTable(MIB, 10);
    table.note(0, 0, 0, 0);
    expect(table.guestOf(table.find(0, 0))).toBe(0);
  });

  it('forgets a page, but not another one that has taken its place', () => {
    const table = new SentTable(MIB, 1000);
    table.note(1, 2, 3, 4);
    table.forget(1, 2, 3, 5);
    table.forget(1, 2, 4, 4);
    table.forget(2, 1, 3, 4);
    expect(table.entries).toBe(1);
    table.forget(1, 2, 3, 4);
    expect([table.find(1, 2), table.entries]).toEqual([-1, 0]);
  });

  it('takes no more memory than it may, and gives up the oldest of a full set', () => {
    const table = new SentTable(1024, 1e6);
    expect(table.bytes).toBeLessThanOrEqual(1024);
    const inSet = (i: number): number => 1024 * i;
    for (let i = 0; i < 9; i++) table.note(inSet(i), 1, 0, i);
    expect(Array.from({ length: 9 }, (_, i) => table.find(inSet(i), 1) >= 0)).toEqual([
      false,
      ...Array.from({ length: 8 }, () => true),
    ]);
    expect(table.entries).toBe(8);
  });

  it('has room for nearly all pages of its guests, in some 16 to 32 bytes for each', () => {
    const pages = 20_000;
    const table = new SentTable(64 * MIB, pages);
    const random = new Generator(1);
    for (let gfn = 0; gfn < pages; gfn++)
      table.note(random.next() >>> 0, random.next() >>> 0, 0, gfn);
    expect(table.entries / pages).toBeGreaterThan(0.95);
    expect(table.bytes / pages).toBeLessThan(33);
  });
});
