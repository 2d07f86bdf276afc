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

  it.each([0, 1, 2])('seeds of the fuzzer, group %i', async (group) => {
    expect(await digestOfSeeds(group)).toBe(recorded.seeds[group]);
  });

  it('predictions: every eighth', async () => {
    const found = await digestsOfPredictions(8);
    expect(Object.keys(found).length).toBeGreaterThan(5);
    for (const [id, digest] of Object.entries(found)) {
      expect([id, digest]).toEqual([id, recorded.predictions[id]]);
    }
  });

  it.each(['quick', 'idle'])('preset %s', async (name) => {
    expect(await digestOfPreset(name)).toBe(recorded.presets[name]);
  });
});
