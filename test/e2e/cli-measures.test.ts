import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cliFolder, pageferry, SMALL } from '../support/cli.ts';

const { folder, write } = cliFolder();

describe('validate', () => {
  const measured = JSON.parse(readFileSync('fixtures/measured/qemu-two-cores.json', 'utf8')) as {
    runs: { id: string; inputs: { caps: string[] } }[];
  };
  const some = (...ids: string[]): string => {
    const runs = measured.runs.filter(({ id }) => ids.includes(id));
    return write('measured.json', JSON.stringify({ ...measured, runs }));
  };

  it('prints predicted beside measured, and medians', async () => {
    const run = measured.runs.find(({ id }) => id === 'precopy-64-0c7fd296-0')!;
    const unbuilt = { ...run, id: 'pinned', inputs: { ...run.inputs, caps: ['rdma-pin-all'] } };
    const file = write('both.json', JSON.stringify({ ...measured, runs: [run, unbuilt] }));
    const { exitCode, stdout, stderr } = await pageferry(['validate', file]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^precopy-64-0c7fd296-0 +completed +1911 → 19\d\d /m);
    expect(stdout).toMatch(/^pinned: skipped, capability rdma-pin-all is not built yet$/m);
    expect(stdout).toMatch(/^totalTimeMs +1 /m);
  });

  it('prints JSON alone', async () => {
    const { stdout } = await pageferry(['validate', some('precopy-64-0c7fd296-0'), '--json']);
    const { runs, skipped, summary } = JSON.parse(stdout) as Record<string, unknown>;
    expect(runs).toHaveLength(1);
    expect(skipped).toEqual([]);
    expect(summary).toMatchObject({ outcome: { n: 1, median: 0 } });
  });

  it('refuses a bad file with exit code 2', async () => {
    const { exitCode, stderr } = await pageferry(['validate', write('not-measured.json', '{}')]);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/not-measured\.json:1:1 format: /);
  });
});

describe('dirty-rate', () => {
  it('prints a line a mode and period', async () => {
    const file = write('rate.yaml', SMALL);
    const { exitCode, stdout, stderr } = await pageferry([
      'dirty-rate',
      file,
      '--period',
      '50ms,100ms',
    ]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const modes = stdout.split('\n').map((line) => line.split(' ')[0]);
    expect(modes.filter((mode) => mode === 'page-sampling')).toHaveLength(2);
    expect(modes.filter((mode) => mode === 'dirty-bitmap')).toHaveLength(2);
    expect(modes.filter((mode) => mode === 'dirty-ring')).toHaveLength(2);
  });

  it('prints JSON alone, and writes it', async () => {
    const file = write('rate.yaml', SMALL);
    const output = join(folder, 'rate.json');
    const args = ['dirty-rate', file, '--mode', 'dirty-bitmap', '--period', '50ms', '--json'];
    const { exitCode, stdout } = await pageferry([...args, '-o', output]);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      schema: 'pageferry/dirty-rate@1',
      measurements: [{ mode: 'dirty-bitmap' }],
    });
    expect(readFileSync(output, 'utf8')).toBe(stdout);
  });

  it.each([
    [
      '--mode',
      'guessing',
      '--mode: expected page-sampling, dirty-bitmap, dirty-ring, got "guessing"',
    ],
    [
      '--period',
      '10ms',
      '--period: expected durations from 50ms to 60s such as 100ms,1s, got "10ms"',
    ],
    [
      '--sample-pages',
      'all',
      '--sample-pages: expected a whole number from 128 to 16384, got "all"',
    ],
  ])('refuses %s %s', async (flag, value, complaint) => {
    const { exitCode, stdout, stderr } = await pageferry(['dirty-rate', 'idle', flag, value]);
    expect({ exitCode, stdout, stderr: stderr.trim() }).toEqual({
      exitCode: 2,
      stdout: '',
      stderr: complaint,
    });
  });
});
