import { describe, expect, it } from 'vitest';
import { comparisonTable } from '../../src/cli/bench-table.ts';
import { formatFigure } from '../../src/report/comparison.ts';
import { comparison, judgement } from '../support/comparison.ts';

describe('a number of a bench', () => {
  it.each([
    [0, '0'],
    [123.4, '123'],
    [12.34, '12.3'],
    [1.234, '1.23'],
    [0.1234, '0.123'],
    [0.01234, '0.0123'],
    [0.000_123_4, '0.0001'],
    [-1.234, '-1.23'],
  ])('%d has three digits: %s', (value, text) => {
    expect(formatFigure(value)).toBe(text);
  });
});

describe('the table of a comparison', () => {
  it('begins with what changed, and never shows a p of zero', () => {
    const lines = comparisonTable(
      comparison([
        judgement({ name: 'get', p: 0.5, verdict: 'same' }),
        judgement({ name: 'clear', p: 0.000_01, verdict: 'regression' }),
      ]),
    ).split('\n');
    expect(lines[2]).toMatch(
      /^log: clear us +1\.00 +2\.00 +\+100\.0 % worse +\+90\.0 to \+110\.0 % +<0\.0001 +regression$/,
    );
    expect(lines[3]).toMatch(/^log: get us .* 0\.5000$/);
    expect(lines.at(-2)).toMatch(/^1 regression\(s\) beyond 5\.0 %/);
  });

  it('shows the change of the figure itself: less speed is a minus, and worse', () => {
    const slower = judgement({ after: 0.8, change: -0.2, interval: [-0.25, -0.15], worseBy: 0.25 });
    const [, , row] = comparisonTable(comparison([slower])).split('\n');
    expect(row).toMatch(/ 1\.00 +0\.800 +−20\.0 % worse +−25\.0 to −15\.0 % /);
  });
});
