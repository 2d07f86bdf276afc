import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostResultSchema } from '../../src/fleet/host/result-schema.ts';
import { cliFolder, pageferry } from '../support/cli.ts';

const { folder, write } = cliFolder();

const FILE = `name: pair
duration: 20s
sample: 1s
host: { memory: 6MiB, sharing: { guestRate: 400, rate: 800 } }
guests:
  - name: twin
    count: 2
    guest:
      memory: 4MiB
      vcpus: 1
      contents: [{ kind: random, seed: 5 }]
      workloads: [{ pattern: uniform, rate: 20, region: { start: 0, size: 400KiB } }]
`;

describe('pageferry host', () => {
  it('lets guests share what they have in common, and says that all is proved', async () => {
    const output = join(folder, 'host.json');
    const chart = join(folder, 'host.svg');
    const file = write('pair.yaml', FILE);
    const { exitCode, stdout } = await pageferry(['host', file, '-o', output, '--chart', chart]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("pair: 2 guests with 133 % of the host's 6 MiB, 20 s");
    expect(stdout).toMatch(/twin-1 +4 MiB/);
    expect(stdout).toContain('proved: all 2048 pages of 2 guests');
    const result = hostResultSchema.parse(JSON.parse(readFileSync(output, 'utf8')));
    expect(result.host.sharing!.shared).toBeGreaterThan(300);
    expect(readFileSync(chart, 'utf8')).toContain('twin-2');
  });

  it('refuses what is wrong with its place, and writes nothing', async () => {
    const file = write('wrong.yaml', FILE.replace('memory: 6MiB', 'memory: 1MiB'));
    const { exitCode, stdout, stderr } = await pageferry(['host', file]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(
      "wrong.yaml:4:17 host.memory: the guests' minima and overheads are 4.0 MiB",
    );
  });
});
