import { expect, it } from 'vitest';
import { fuzzProcesses } from '../../src/lab/fuzz/processes/play.ts';

/** Its first ten seeds; `npm run fuzz -- --processes --seeds 500` plays more, and `--seed S` replays one. */
it('leaves the guest on one side, or declares it lost, when connections fail and processes are killed', async () => {
  const wrongs: string[] = [];
  for (let seed = 1; seed <= 10; seed++) {
    const result = await fuzzProcesses(seed);
    if (result.wrongs.length > 0) wrongs.push(`seed ${seed}: ${result.wrongs.join('; ')}`);
  }
  expect(wrongs).toEqual([]);
});
