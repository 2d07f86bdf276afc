import { describe, expect, it } from 'vitest';
import { summary } from '../../src/cli/summary.ts';
import { buildResult } from '../../src/result/build.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { loadScenarioText } from '../../src/scenario/load.ts';

/** Returns the first line of the summary of a small hybrid migration. */
async function headlineOf(migration: object): Promise<string> {
  const guest = { memory: '1MiB', backing: 'versions' };
  const times = { startAfter: '0s', runAfter: '0s' };
  const { scenario, config } = loadScenarioText(
    'small',
    JSON.stringify({
      runtime: 'virtual',
      guest,
      migration: { algorithm: 'hybrid', ...times, ...migration },
    }),
  );
  return summary(buildResult(scenario, await runVirtual(config))).split('\n')[0]!;
}

describe('the headline of a hybrid migration', () => {
  it('says after how many rounds post-copy begins, unless its manager decides', async () => {
    expect(await headlineOf({ postcopyAfter: 2 })).toContain('hybrid, post-copy after 2 rounds,');
    expect(await headlineOf({ downtimeLadder: 'kubevirt-timeouts' })).toContain(
      'hybrid, post-copy when kubevirt-timeouts decides, policy qemu',
    );
    expect(
      await headlineOf({ downtimeLadder: 'nova', nova: { timeoutAction: 'force_complete' } }),
    ).toContain('post-copy when nova decides');
    expect(await headlineOf({ downtimeLadder: 'nova' })).toContain('post-copy after 1 round,');
  });
});
