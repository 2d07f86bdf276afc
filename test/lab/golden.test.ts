import { describe, expect, it } from 'vitest';
import {
  digestOfPreset,
  digestOfSeeds,
  digestsOfPredictions,
  readDigests,
} from '../../src/lab/golden/digests.ts';

/** A sample of what `npm run golden` makes in whole: results of the virtual runtime stay as they are. */
describe('results of the virtual runtime are those recorded', () => {
  const recorded = readDigests();

  it.each([0])('seeds of the fuzzer, group %i', async (group) => {
    expect(await digestOfSeeds(group)).toBe(recorded.seeds[group]);
  });

  it('predictions: one of each kind that takes less than a second', async () => {
    const ids = [
      'precopy-64-1687726a-0',
      'random-pattern-5a460f5c-0',
      'hot-at-end-ef25e7b6-0',
      'stopcopy-80238e3e-0',
      'postcopy-early-51922f8d-0',
      'repeat-postcopy-f4fde700-1',
    ];
    const expected = Object.fromEntries(ids.map((id) => [id, recorded.predictions[id]]));
    expect(Object.values(expected)).not.toContain(undefined);
    expect(await digestsOfPredictions(ids)).toEqual(expected);
  });

  it.each(['quick', 'idle'])('preset %s', async (name) => {
    expect(await digestOfPreset(name)).toBe(recorded.presets[name]);
  });
});
