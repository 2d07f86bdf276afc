import { expect, it } from 'vitest';
import { protectSummary } from '../../../src/cli/protect-table.ts';
import { loadProtectDocument } from '../../../src/fleet/protect/load.ts';
import { playProtection } from '../../../src/fleet/protect/play.ts';
import { buildProtectResult } from '../../../src/fleet/protect/result.ts';
import { ScenarioDocument } from '../../../src/scenario/document.ts';

const FILE = `name: small
runtime: threads
duration: 300ms
guest: { memory: 1MiB, vcpus: 1, workloads: [{ pattern: uniform, rate: 20000 }] }
link: { bandwidth: 1Gbit/s }
migration: { startAfter: 10ms, downtimeLimit: 1ms }
replication: { interval: 10ms, heartbeat: { timeout: 10s } }
outputs: [{ every: 10 }]
`;

it('plays a protected guest in threads, whose result names the runtime and its clock', async () => {
  const loaded = loadProtectDocument(new ScenarioDocument('p.yaml', FILE), '.');
  const report = await playProtection(loaded.config);
  const result = buildProtectResult(loaded, report);
  expect(result).toMatchObject({
    runtime: 'threads',
    clock: 'CLOCK_MONOTONIC',
    outcome: 'completed',
    ok: true,
    problems: [],
  });
  expect(result.durationMs).toBeGreaterThanOrEqual(300);
  expect(result.protections).toHaveLength(1);
  expect(result.proofs.at(0)).toMatchObject({ host: 1, of: 'end' });
  expect(protectSummary(result)).toContain('the guest lives on');
});
