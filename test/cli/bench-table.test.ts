import { describe, expect, it } from 'vitest';
import { comparisonTable, formatFigure } from '../../src/cli/bench-table.ts';
import type { Comparison } from '../../src/lab/bench/against.ts';

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
    const judgement = (name: string, p: number, verdict: string) => ({
      of: 'log',
      name,
      unit: 'us',
      before: 1,
      after: 2,
      worseBy: 1,
      noise: 0.05,
      p,
      verdict,
    });
    const comparison = {
      bench: 'dirty-log',
      judgements: [judgement('get', 0.5, 'same'), judgement('clear', 0.000_01, 'regression')],
      notCompared: [],
      before: { commit: 'aaaaaaaaaaaaaa', runs: 5 },
      after: { commit: 'bbbbbbbbbbbbbb', runs: 5 },
      isInterleaved: true,
      threshold: 0.05,
      alpha: 0.05,
    } as unknown as Comparison;
    const lines = comparisonTable(comparison).split('\n');
    expect(lines[2]).toMatch(
      /^log: clear us +1\.00 +2\.00 +100\.0 % worse +5\.0 % +<0\.0001 +regression$/,
    );
    expect(lines[3]).toMatch(/^log: get us .* 0\.5000$/);
    expect(lines.at(-2)).toMatch(/^1 regression\(s\) beyond 5\.0 %/);
  });
});
