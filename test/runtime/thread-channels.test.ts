import { afterAll, describe, expect, it } from 'vitest';
import type { RunConfig } from '../../src/runtime/config.ts';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { runThreads } from '../../src/runtime/threads/run.ts';
import { threadsOf } from '../../src/runtime/threads/tasks.ts';
import { sentTally } from '../../src/migration/source.ts';
import { pagesOf } from '../../src/wire/tally.ts';
import { smallRun } from '../support/run-config.ts';

const CHANNELS = 3;
const withChannels = (migration: Partial<RunConfig['migration']>, link = {}): RunConfig =>
  smallRun({ migration: { channels: CHANNELS, ...migration }, link });

const pool = new WorkerPool(threadsOf(withChannels({})));
afterAll(() => pool.destroy());

describe('channels in real time', () => {
  it.each([
    [
      'over a link without a limit, with zero pages named by the main thread',
      withChannels({ zeroPageDetection: 'legacy' }, { bytesPerSecond: Infinity, latencyNs: 0 }),
    ],
    ['before a switch to post-copy', withChannels({ algorithm: 'hybrid', postcopyAfter: 2 })],
  ])('carry the pages of a guest that writes meanwhile, which is proved: %s', async (_, config) => {
    const { source, destination, proof } = await runThreads(config, { pool });
    expect(source).toMatchObject({ outcome: 'completed' });
    expect(proof).toMatchObject({ ok: true });
    const { each, flushes } = source.channels!;
    expect(each).toHaveLength(CHANNELS);
    for (const { pages } of each) expect(pages).toBeGreaterThan(0);
    expect(flushes).toBeGreaterThanOrEqual(2);
    const sent = sentTally(source);
    expect(pagesOf(destination!.tally)).toBe(pagesOf(sent));
    const carried = each.reduce((sum, { bytes }) => sum + bytes, 0);
    expect(carried).toBeLessThanOrEqual(source.precopyBytes + source.downtimeBytes);
  });

  it('end with the migration when that is cancelled, and the guest goes on at the source', async () => {
    const controller = new AbortController();
    const config = withChannels({ maxBytesPerSecond: 2e6 });
    const run = runThreads(config, {
      pool,
      signal: controller.signal,
      onPhase: (phase) => {
        if (phase === 'migrate') setTimeout(() => controller.abort(), 20);
      },
    });
    const { source, proof } = await run;
    expect(source.outcome).toBe('cancelled');
    expect(proof).toMatchObject({ ok: true });
  });
});
