import { describe, expect, it } from 'vitest';
import { buildResult } from '../../src/result/build.ts';
import type { RunResult } from '../../src/result/schema.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { loadScenarioText } from '../../src/scenario/load.ts';

/**
 * A guest of 1 GiB on 1 Gbit/s whose first pass takes 9 s. From then on, about 0.3 s of pages are left after each pass,
 * so that a migration ends when its downtime limit gets there.
 */
const SCENARIO = `
  runtime: virtual
  seed: 7
  guest:
    memory: 1GiB
    backing: versions
    contents: [{ kind: random }]
    workloads: [{ pattern: uniform, rate: 60000, region: { size: 64MiB } }]
  link: { bandwidth: 1Gbit/s }
  verify: off`;

async function migrate(ladder: string, more = ''): Promise<RunResult> {
  const migration = `{ downtimeLadder: ${ladder}, timeout: 2min${more} }`;
  const text = `${SCENARIO}\n  migration: ${migration}`;
  const { scenario, config } = loadScenarioText('s', text);
  return buildResult(scenario, await runVirtual(config));
}

describe('a migration that needs a downtime of 0.3 s', () => {
  it('takes Proxmox a few seconds more than the first pass, in which it looks each second', async () => {
    // Fast looks see six rises in six passes of 0.3 s each; then the limit is 200 ms, and auto-converge does the rest.
    const { outcome, totalTimeMs, downtimeMs } = await migrate('proxmox');
    expect(outcome).toBe('completed');
    expect(totalTimeMs).toBeGreaterThan(11_000);
    expect(totalTimeMs).toBeLessThan(15_000);
    expect(downtimeMs).toBeGreaterThan(100);
    expect(downtimeMs).toBeLessThan(210);
  });

  it('takes KubeVirt two rises, in the third pass and 10 s later', async () => {
    // The first look, at 0.4 s, sets 150 ms. The third pass begins before 10.4 s, when the limit rises to 278 ms.
    const { outcome, totalTimeMs, downtimeMs } = await migrate('kubevirt');
    expect(outcome).toBe('completed');
    expect(totalTimeMs).toBeGreaterThan(20_400);
    expect(totalTimeMs).toBeLessThan(22_000);
    expect(downtimeMs).toBeGreaterThan(278);
    expect(downtimeMs).toBeLessThan(406);
  });

  it('takes nova until its sixth step, of 50 + 6 × 45 ms', async () => {
    const { outcome, totalTimeMs } = await migrate('nova', ', nova: { delayPerGiB: 1s }');
    expect(outcome).toBe('completed');
    expect(totalTimeMs).toBeGreaterThan(12_000);
    expect(totalTimeMs).toBeLessThan(13_000);
  });

  it('is switched to post-copy by nova after the time for two GiB', async () => {
    const forced = 'nova: { completionTimeoutPerGiB: 5s, timeoutAction: force_complete }';
    const { outcome, rounds } = await migrate('nova', `, algorithm: hybrid, ${forced}`);
    expect(outcome).toBe('completed');
    const { startMs } = rounds.find(({ stopped }) => stopped)!;
    expect(startMs).toBeGreaterThan(10_000);
    expect(startMs).toBeLessThan(10_500);
  });

  it('is given up by nova after the time for two GiB, which the message names', async () => {
    const { outcome, totalTimeMs, error } = await migrate(
      'nova',
      ', nova: { completionTimeoutPerGiB: 5s }',
    );
    expect(outcome).toBe('diverged');
    expect(totalTimeMs).toBeGreaterThan(10_000);
    expect(totalTimeMs).toBeLessThan(10_500);
    expect(error).toMatch(
      /^not completed within nova's 10 s.*migration\.nova\.completionTimeoutPerGiB/s,
    );
  });
});
