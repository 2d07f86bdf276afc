import { afterEach, describe, expect, it, vi } from 'vitest';
import { fuzz } from '../../src/lab/fuzz/fuzz.ts';
import { PLANTED_BUGS } from '../support/planted-bugs.ts';

afterEach(() => vi.restoreAllMocks());

describe('random migrations with random trouble', () => {
  // .ci/run tries a thousand with npm run fuzz.
  const SEEDS = 40;

  it(`lose nothing, end, and run on one side: ${SEEDS} seeds`, async () => {
    let recovered = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const { wrongs, recoveries } = await fuzz(seed);
      expect(wrongs, `seed ${seed}: npm run fuzz -- --seed ${seed}`).toEqual([]);
      if (recoveries > 0) recovered++;
    }
    console.log(`${SEEDS} seeds, ${recovered} with a paused post-copy that went on`);
    expect(recovered).toBeGreaterThanOrEqual(2);
  });

  // Clark's walk skipped pages by a copy of marks that a clear by hand had taken away meanwhile.
  it.each([14_439])('lose nothing with seed %i, which once did', async (seed) => {
    expect((await fuzz(seed)).wrongs).toEqual([]);
  });

  it('give the same for the same seed', async () => {
    expect(await fuzz(42)).toEqual(await fuzz(42));
  });
});

/**
 * The first three seeds that find each bug, as the search of `npm run test:long` prints them. One that
 * finds it is enough. Where none does any more, because seeds draw otherwise, record what it prints.
 */
const FOUND_BY: Readonly<Record<string, readonly number[]>> = {
  'the last harvest is left out': [2, 10, 14],
  'a source that fails does not go on': [9, 13, 26],
  'presence is published before it is asked for': [62, 63, 69],
  'pages that were skipped are forgotten': [5, 7, 9],
  'what was under way when a connection was lost is forgotten': [29, 44, 58],
  'a destination says that it has what is still on its way': [29, 44, 58],
  'nobody notices that there is a new connection': [9, 26, 29],
  'pages that the guest has got back are not sent': [1, 21, 25],
  'a zeroing is replayed by nobody': [1, 8, 22],
  'a destination that makes nothing absent': [1, 4, 9],
};

describe('bugs planted in an algorithm are found', () => {
  it('by recorded seeds, all of them', () => {
    expect(Object.keys(FOUND_BY)).toEqual(Object.keys(PLANTED_BUGS));
  });

  it.each(Object.keys(PLANTED_BUGS))('%s', async (name) => {
    PLANTED_BUGS[name]!();
    const wrongs: string[] = [];
    for (const seed of FOUND_BY[name]!) {
      wrongs.push(...(await fuzz(seed)).wrongs);
      if (wrongs.length > 0) break;
    }
    expect(wrongs, 'npm run test:long says which seeds find it now').not.toEqual([]);
  });
});
