import { afterEach, describe, expect, it, vi } from 'vitest';
import { fuzz } from '../../src/lab/fuzz/fuzz.ts';
import { PLANTED_BUGS } from '../support/planted-bugs.ts';

afterEach(() => vi.restoreAllMocks());

const MOST_SEEDS = 1000;

/** The first `count` seeds that find something wrong. */
async function failingSeeds(count: number): Promise<number[]> {
  const seeds: number[] = [];
  for (let seed = 1; seed <= MOST_SEEDS && seeds.length < count; seed++) {
    if ((await fuzz(seed)).wrongs.length > 0) seeds.push(seed);
  }
  return seeds;
}

describe(`bugs planted in an algorithm are found within ${MOST_SEEDS} seeds`, () => {
  it.each(Object.keys(PLANTED_BUGS))('%s', async (name) => {
    PLANTED_BUGS[name]!();
    const seeds = await failingSeeds(3);
    console.log(`${name}: seeds ${seeds.join(', ')}`);
    expect(seeds).not.toEqual([]);
  });
});
