import { describe, expect, it } from 'vitest';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { loadScenarioText } from '../../src/scenario/load.ts';
import { pagesOf } from '../../src/wire/tally.ts';

/** Migrates 16 MiB, of which a guest writes 4 MiB at random, in two live rounds over 100 Mbit/s. */
async function rounds(set: readonly string[]): Promise<{ skipped: number[]; sent: number[] }> {
  const text = `
runtime: virtual
guest:
  memory: 16MiB
  contents: [{ kind: random }]
  workloads: [{ pattern: uniform, rate: 2000, region: { start: 0, size: 4MiB } }]
link: { bandwidth: 100Mbit/s }
migration: { policy: rounds, rounds: 2 }
`;
  const { config } = loadScenarioText('redirtied', text, [...set], '.');
  const { source, proof } = await runVirtual(config);
  expect(source.outcome).toBe('completed');
  expect(proof).toMatchObject({ ok: true });
  const live = source.rounds.filter(({ stopped }) => !stopped);
  return {
    skipped: live.map(({ skippedPages }) => skippedPages),
    sent: live.map(({ tally }) => pagesOf(tally)),
  };
}

describe('the policy rounds', () => {
  it('skips pages that are dirty again, unless skipRedirtied is false', async () => {
    const skipping = await rounds([]);
    expect(Math.min(...skipping.skipped)).toBeGreaterThan(100);
    expect(await rounds(['migration.skipRedirtied=true'])).toEqual(skipping);
    const sending = await rounds(['migration.skipRedirtied=false']);
    expect(sending.skipped).toEqual([0, 0]);
    // The first round sends every page then.
    expect(sending.sent[0]).toBe(4096);
    expect(sending.sent[0]).toBe(skipping.sent[0]! + skipping.skipped[0]!);
  });
});
