import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { hostLines, linkLines } from '../../src/cli/use-lines.ts';

const link = (name: string, mean: number, capacity?: number) => ({
  name,
  meanBytesPerSecond: mean,
  maxBytesPerSecond: mean,
  ...(capacity === undefined
    ? {}
    : { bytesPerSecond: capacity, meanUse: mean / capacity, maxUse: mean / capacity }),
  seriesBytesPerSecond: Array.from({ length: 64 }, () => mean),
});
const links = [link('core forth', 125e6, 250e6), link('old up', 125e6), link('back', 0)];
const hosts = [
  { name: 'old', cpus: 32, meanCpus: 0.16, maxCpus: 2, seriesCpus: [0.1, 2] },
  { name: 'new' },
];
const plain = (lines: readonly string[]): string[] => lines.map(stripVTControlCharacters);

describe('the lines of links and hosts', () => {
  it('say all where there is room', () => {
    const bars = '█'.repeat(32);
    expect(plain(linkLines({ links }, Infinity))).toEqual([
      `link core forth │${bars}│ 1 Gbit/s of 2 Gbit/s on average, 50 %, 50 % at most`,
      `link old up     │${bars}│ 1 Gbit/s on average`,
    ]);
    expect(plain(hostLines({ hosts }, Infinity))).toEqual([
      'CPUs old │▁█│ 0.16 of 32 on average, 2.0 at most',
    ]);
  });

  it.each([200, 101, 100, 80, 70, 60, 40, 20])('fit into %i columns', (width) => {
    const lines = plain([...linkLines({ links }, width), ...hostLines({ hosts }, width)]);
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
  });

  it('lose words, then bars', () => {
    const [first] = plain(linkLines({ links }, 74));
    expect(first).toBe(
      `link core forth │${'█'.repeat(16)}│ 1 Gbit/s on average, 50 %, 50 % at most`,
    );
    const [narrow] = plain(linkLines({ links }, 50));
    expect(narrow).toBe('link core forth 1 Gbit/s, 50 %, 50 % at most');
  });
});
