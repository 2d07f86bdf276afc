import { describe, expect, it } from 'vitest';
import {
  type Column,
  fitColumns,
  fitLine,
  layOut,
  lineWidth,
  visibleLength,
  wrap,
} from '../../src/cli/columns.ts';

const rows = [
  ['guest', 'took', 'downtime', 'sent'],
  ['a', '1.5 s', '30 ms', '9 MiB'],
  ['database', '2 s', '120 ms', '31.5 MiB'],
];
const columns: readonly Column[] = [
  { weight: Infinity },
  { weight: 2 },
  { weight: 3 },
  { weight: 1 },
];

describe('lineWidth', () => {
  it.each([
    [{ isTTY: true, columns: 132 }, 132],
    [{ isTTY: true }, 80],
    [{ isTTY: true, columns: 0 }, 80],
    [{ columns: 132 }, Infinity],
    [{}, Infinity],
  ])('of %j is %d', (stream, width) => {
    expect(lineWidth(stream)).toBe(width);
  });
});

describe('fitColumns', () => {
  it('names what it leaves out, and shortens nothing', () => {
    expect(fitColumns(columns, rows, 35)).toEqual({ lines: layOut(columns, rows), hidden: [] });
    const narrow = fitColumns(columns, rows, 20);
    expect(narrow.lines[2]).toBe('database    120 ms');
    expect(narrow.hidden).toEqual([1, 3]);
    expect(fitColumns(columns, rows, 3)).toEqual({
      lines: ['guest', 'a', 'database'],
      hidden: [1, 2, 3],
    });
    const kept = columns.map(() => ({ weight: Infinity }));
    expect(fitColumns(kept, rows, 20).hidden).toEqual([2, 3]);
  });
});

describe('layOut', () => {
  it('aligns the first column to the left, and the others to the right', () => {
    expect(layOut(columns, rows)).toEqual([
      'guest      took  downtime      sent',
      'a         1.5 s     30 ms     9 MiB',
      'database    2 s    120 ms  31.5 MiB',
    ]);
  });

  it('leaves out columns of little weight first, and keeps the order of the rest', () => {
    expect(layOut(columns, rows, 35)[0]).toBe('guest      took  downtime      sent');
    expect(layOut(columns, rows, 34)[0]).toBe('guest      took  downtime');
    expect(layOut(columns, rows, 24)[2]).toBe('database    120 ms');
    expect(layOut(columns, rows, 17)).toEqual(['guest', 'a', 'database']);
  });

  it('leaves out the last of columns of equal weight', () => {
    const equal = columns.map(() => ({ weight: 1 }));
    expect(layOut(equal, rows, 25)[0]).toBe('guest      took  downtime');
  });

  it('leaves out columns without text', () => {
    expect(layOut(columns.slice(0, 3), [['a', '', 'b']])).toEqual(['a  b']);
  });

  it('shortens and then cuts what can not be left out', () => {
    const kept = [{ weight: Infinity }, { weight: Infinity }];
    const long = [['a-long-name-of-a-guest', '12 pages']];
    expect(layOut(kept, long, 20)).toEqual(['a-long-na…  12 pages']);
    expect(layOut(kept, long, 8)).toEqual(['a-l…  1…']);
  });

  it('is never wider than the terminal', () => {
    for (let width = 1; width <= 40; width++) {
      const widths = layOut(columns, rows, width).map((line) => line.length);
      expect(Math.max(...widths), `width ${width}`).toBeLessThanOrEqual(width);
    }
  });

  it('counts no colours', () => {
    const bold = '\x1b[1mbold\x1b[22m';
    expect(visibleLength(bold)).toBe(4);
    expect(
      layOut(
        [{ weight: 1 }, { weight: 1 }],
        [
          [bold, 'x'],
          ['longer', 'y'],
        ],
        9,
      ),
    ).toEqual([`${bold}    x`, 'longer  y']);
    expect(fitLine([{ text: bold, weight: Infinity }], 3)).toBe('bo…');
  });
});

describe('wrap', () => {
  const text = 'the guest stays where it is';

  it('breaks a text at blanks, and indents what goes on', () => {
    expect(wrap(text, 12, '  ')).toEqual(['the guest', '  stays', '  where it', '  is']);
    expect(wrap(text, 80, '  ')).toEqual([text]);
    expect(wrap(text, Infinity)).toEqual([text]);
  });

  it('keeps lines that fit, with the blanks in them, and empty ones', () => {
    const table = 'round   1  20 ms\n\nstop   12   3 ms \n';
    expect(wrap(table, 17, '  ')).toEqual(table.split('\n'));
  });

  it('leaves a word whole that is wider than the line', () => {
    expect(wrap('see /a/very/long/path now', 8, '  ')).toEqual([
      'see',
      '  /a/very/long/path',
      '  now',
    ]);
  });

  it('does not count sequences that set colours', () => {
    expect(wrap('\x1b[31mred words\x1b[39m', 9)).toEqual(['\x1b[31mred words\x1b[39m']);
  });
});
