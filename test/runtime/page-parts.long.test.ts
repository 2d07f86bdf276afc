import { expect, it } from 'vitest';
import { fuzz } from '../../src/lab/fuzz/fuzz.ts';
import { withParts } from '../../src/lab/fuzz/parts.ts';

const SEEDS = 300;

it(`random migrations of pages in parts are safe and live: ${SEEDS} seeds`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { wrongs } = await fuzz(seed, undefined, withParts);
    expect(wrongs, `seed ${seed}: npm run fuzz -- --parts --seed ${seed}`).toEqual([]);
  }
}, 600_000);
