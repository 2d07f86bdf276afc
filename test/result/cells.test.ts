import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitReader, BitWriter } from '../../src/result/cells/bits.ts';
import { decodeCells, encodeCells } from '../../src/result/cells/cells.ts';

const seed = Number(process.env['PROPERTY_SEED'] ?? 20260101);

const tables = fc
  .tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 8 }))
  .chain(([bins, columns]) => {
    const count = fc.oneof(
      fc.integer({ min: 0, max: 3 }),
      fc.integer({ min: 0, max: 600 }),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    );
    const column = fc.array(count, { minLength: bins, maxLength: bins });
    return fc.array(column, { minLength: columns, maxLength: columns });
  });

describe('a table of counts', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(tables, (table) => {
        const size = { columns: table.length, bins: table[0]?.length ?? 1 };
        const read = decodeCells(encodeCells(table), size);
        expect(read.map((column) => [...column])).toEqual(table);
        const like = (index: number) => (index % 2 === 1 ? table[index - 1] : undefined);
        const readLike = decodeCells(encodeCells(table, like), size, like);
        expect(readLike.map((column) => [...column])).toEqual(table);
      }),
      { seed, numRuns: 200 },
    );
  });

  it('takes a bit for a column that is as expected, and little for one that nearly is', () => {
    const same = Array.from({ length: 48 }, () => Array.from({ length: 1024 }, () => 256));
    // The 256 of the first cell is no continuation of anything; its column takes a bit for each of the next.
    expect(Buffer.from(encodeCells(same), 'base64').length).toBeLessThan(180);
    const near = same.map((column, index) =>
      column.map((count, bin) => count + ((bin * index) % 7)),
    );
    expect(Buffer.from(encodeCells(near), 'base64').length).toBeLessThan((48 * 1024 * 5) / 8);
  });

  // docs/pages.md describes these bits, on which other programs may rely.
  it.each([
    [[[]], 'AA=='],
    [[[0, 0]], 'AA=='],
    [[[1, 1, 1]], 'wA=='],
    [
      [
        [5, 4],
        [5, 4],
        [0, 900],
      ],
      '/C5////AAAABwgA=',
    ],
  ])('%j is %s', (table, text) => {
    expect(encodeCells(table)).toBe(text);
  });

  it('of many counts has the same bits on every machine', () => {
    const table = Array.from({ length: 3 }, (_, index) =>
      Array.from({ length: 40 }, (__, bin) => (bin * bin * (index + 3)) % 101),
    );
    expect(encodeCells(table)).toBe(
      'n7/n9fLm/z521w+ll36fwmzwyFIHu2MTs7nB6mT5jFKyaCUtCnefACISgUluFox40idSLneXexuXnZVva3i+Mpt6' +
        '+JweJj+I1St2YyAEQlA9fncem/Gke3QrefzInB6gbFS2bgpafn80jI1BjBYmUd3jNKA=',
    );
  });

  it('that ends too early is an error', () => {
    const text = encodeCells([[1, 200, 3, 4000, 5, 6, 70_000, 8]]);
    const half = text.slice(0, 4 * Math.floor(text.length / 8));
    expect(() => decodeCells(half, { columns: 1, bins: 8 })).toThrow(RangeError);
    expect(() => decodeCells('', { columns: 1, bins: 8 })).toThrow('the cells end too early');
  });
});

it('bits are packed from the top of each byte', () => {
  const writer = new BitWriter();
  writer.write(0b101, 3);
  writer.write(2 ** 40 + 1, 41);
  writer.write(0, 0);
  const bytes = writer.bytes();
  expect([...bytes]).toEqual([0b10110000, 0, 0, 0, 0, 0b00010000]);
  const reader = new BitReader(bytes);
  expect([3, 41, 0, 4].map((bits) => reader.read(bits))).toEqual([0b101, 2 ** 40 + 1, 0, 0]);
  expect(() => reader.read(1)).toThrow(RangeError);
});
