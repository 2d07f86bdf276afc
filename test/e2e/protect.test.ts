import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { protectResultSchema } from '../../src/fleet/protect/result-schema.ts';
import { cliFolder, pageferry } from '../support/cli.ts';

const { folder, write } = cliFolder();

const FILE = `name: small
duration: 200ms
guest: { memory: 1MiB, vcpus: 1, workloads: [{ pattern: uniform, rate: 20000 }] }
migration: { startAfter: 10ms }
replication: { interval: 10ms, heartbeat: { interval: 5ms, timeout: 30ms }, killAt: 100ms }
outputs: [{ every: 10 }]
`;

describe('pageferry protect', () => {
  it('lets a guest survive its host, and writes the result', async () => {
    const output = join(folder, 'protect.json');
    const { exitCode, stdout } = await pageferry(['protect', write('p.yaml', FILE), '-o', output]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('small: 200 ms of Remus, primary fails at 100 ms: the guest lives on');
    const result = protectResultSchema.parse(JSON.parse(readFileSync(output, 'utf8')));
    expect(result.takeovers).toHaveLength(1);
  });

  it('ends with 1 when two hosts ran the guest', async () => {
    const file = write('split.yaml', FILE.replace('100ms }', '[{ at: 100ms, what: link }] }'));
    const { exitCode, stdout } = await pageferry(['protect', file]);
    expect(exitCode).toBe(1);
    expect(stdout).toContain('TWO HOSTS RAN THE GUEST');
  });
});
