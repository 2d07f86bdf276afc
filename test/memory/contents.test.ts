import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Contents,
  type ContentsKind,
  type ZeroFill,
  fillDestination,
  fillPages,
} from '../../src/memory/contents/contents.ts';
import type { Backing } from '../../src/memory/layout.ts';
import { createSlot, openSlot } from '../../src/memory/memslot.ts';

const PAGES = 2048;
const SHAPE = { writers: 1, streams: 0, tableBytes: 0, skewPages: 0 };

function fill(contents: readonly Contents[], seed = 1, pages = PAGES, pageSize = 4096): Uint8Array {
  const slot = openSlot(createSlot({ ...SHAPE, pages, pageSize }));
  slot.ram.fill(0xaa);
  fillPages(slot, contents, seed, 0, pages);
  return slot.ram;
}

/** A fill of 40 pages over memory that held `before` in every byte. */
function filledOver(
  before: number,
  contents: readonly Contents[],
  zeros: ZeroFill,
  backing: Backing = 'bytes',
): Uint8Array {
  const slot = openSlot(createSlot({ ...SHAPE, pages: 40, pageSize: 4096, backing }));
  slot.ram.fill(before);
  fillPages(slot, contents, 1, 0, 40, zeros);
  return slot.ram;
}

const all = (kind: ContentsKind, zeroShare = 0): Contents[] => [
  { firstGfn: 0, pages: PAGES, kind, zeroShare },
];

const pagesOf = (ram: Uint8Array): Buffer[] =>
  Array.from({ length: ram.length / 4096 }, (_, gfn) =>
    Buffer.from(ram.subarray(gfn * 4096, (gfn + 1) * 4096)),
  );

const isZero = (page: Buffer): boolean => page.every((byte) => byte === 0);

function distinct(pages: readonly Buffer[]): number {
  return new Set(pages.map((page) => page.toString('latin1'))).size;
}

const ratio = (page: Buffer): number => deflateSync(page, { level: 1 }).length / page.length;

describe('initial contents', () => {
  it('are the same in whichever way zeros are filled, and page by page', () => {
    const entry = fc.record({
      firstGfn: fc.integer({ min: 0, max: 39 }),
      pages: fc.integer({ min: 1, max: 30 }),
      kind: fc.constantFrom<ContentsKind>('zero', 'random', 'text', 'file'),
      zeroShare: fc.constantFrom(0, 0.5),
    });
    const backing = fc.constantFrom<Backing>('bytes', 'versions');
    const property = fc.property(fc.array(entry, { maxLength: 5 }), backing, (contents, kind) => {
      const slot = openSlot(createSlot({ ...SHAPE, pages: 40, pageSize: 4096, backing: kind }));
      slot.ram.fill(0xaa);
      for (let page = 0; page < 40; page++) fillPages(slot, contents, 1, page, 1);
      for (const found of [
        filledOver(0xaa, contents, 'write', kind),
        filledOver(0xaa, contents, 'clear', kind),
        filledOver(0, contents, 'leave', kind),
      ]) {
        expect(Buffer.compare(found, slot.ram)).toBe(0);
      }
    });
    fc.assert(property, { numRuns: 100, seed: 1 });
  });

  it('leave what is zero untouched where that is known', () => {
    for (const kind of ['bytes', 'versions'] as const) {
      const some: Contents[] = [{ firstGfn: 10, pages: 20, kind: 'random', zeroShare: 0 }];
      const ram = filledOver(0xaa, some, 'leave', kind);
      const size = ram.length / 40;
      const isUntouched = (page: number): boolean =>
        ram.subarray(page * size, (page + 1) * size).every((byte) => byte === 0xaa);
      const untouched = Array.from({ length: 40 }, (_, page) => page).filter(isUntouched);
      expect(untouched).toEqual([...Array(10).keys(), ...[...Array(10).keys()].map((i) => 30 + i)]);
    }
  });

  it('are the same for the same seed, however the guest is split, and others for another', () => {
    for (const kind of ['random', 'text', 'duplicate', 'mixed'] as const) {
      const whole = fill(all(kind, 0.3));
      const slot = openSlot(createSlot({ ...SHAPE, pages: PAGES, pageSize: 4096 }));
      for (let gfn = 0; gfn < PAGES; gfn += 100) {
        fillPages(slot, all(kind, 0.3), 1, gfn, Math.min(100, PAGES - gfn));
      }
      expect(Buffer.compare(whole, slot.ram)).toBe(0);
      expect(Buffer.compare(whole, fill(all(kind, 0.3), 2))).not.toBe(0);
    }
  });

  it('are zero where nothing covers, and of the later entry where two do', () => {
    const pages = pagesOf(
      fill([
        { firstGfn: 10, pages: 20, kind: 'random', zeroShare: 0 },
        { firstGfn: 15, pages: 5, kind: 'zero', zeroShare: 0 },
      ]),
    );
    const zero = pages.flatMap((page, gfn) => (gfn < 40 && isZero(page) ? [gfn] : []));
    expect(zero).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 17, 18, 19, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39,
    ]);
  });

  it('have the zero share that was asked for', () => {
    const zeros = pagesOf(fill(all('random', 0.3))).filter(isZero).length;
    expect(zeros / PAGES).toBeGreaterThan(0.27);
    expect(zeros / PAGES).toBeLessThan(0.33);
  });

  it('random does not compress, text does, duplicates are few', () => {
    const random = pagesOf(fill(all('random')));
    expect(distinct(random)).toBe(PAGES);
    expect(Math.min(...random.map(ratio))).toBeGreaterThan(0.99);
    const text = pagesOf(fill(all('text')));
    expect(distinct(text)).toBe(PAGES);
    expect(Math.max(...text.map(ratio))).toBeLessThan(0.35);
    expect(distinct(pagesOf(fill(all('duplicate'))))).toBe(64);
  });

  it('mixed follows the statistics of a Redis guest: compressed share by quantile, duplicates', () => {
    const pages = pagesOf(fill(all('mixed', 0.269)));
    const used = pages.filter((page) => !isZero(page));
    const ratios = used.map(ratio).toSorted((a, b) => a - b);
    const quantile = (share: number): number => ratios[Math.floor(share * ratios.length)]!;
    // Of the image, zlib level 1: mean 0.347, quartiles 0.17, 0.335, 0.50, p95 0.68.
    expect(ratios.reduce((sum, one) => sum + one, 0) / ratios.length).toBeCloseTo(0.347, 1);
    for (const [share, measured] of [
      [0.25, 0.17],
      [0.5, 0.335],
      [0.75, 0.5],
      [0.95, 0.68],
    ] as const) {
      expect(Math.abs(quantile(share) - measured)).toBeLessThan(0.04);
    }
    const duplicates = (used.length - distinct(used)) / used.length;
    expect(duplicates).toBeGreaterThan(0.02);
    expect(duplicates).toBeLessThan(0.09);
  });

  it('of a destination are no page that a guest sends', () => {
    const ram = fill(all('zero'));
    fillDestination(ram);
    expect(pagesOf(ram).some(isZero)).toBe(false);
  });
});
