import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, it } from 'vitest';
import { whatIfSchema } from '../../src/lab/what-if/result.ts';

const folder = mkdtempSync(join(tmpdir(), 'pageferry-e2e-what-if-'));
afterAll(() => rmSync(folder, { recursive: true }));

const cli = (args: readonly string[], input = '') =>
  execa('node', ['dist/cli/main.js', 'what-if', ...args], { reject: false, input });

describe('pageferry what-if', () => {
  it('answers from a pasted output, and writes the scenario that run takes', async () => {
    const [json, scenario, chart] = ['a.json', 's.json', 'c.svg'].map((name) => join(folder, name));
    const flags = ['--memory', '32MiB', '--link', '1Gbit/s', '--runs', '2', '--timeout', '3s'];
    const files = ['--setting', 'precopy', '-o', json!, '--scenario', scenario!, '--chart', chart!];
    const pasted = '{"return":{"status":"measured","dirty-rate":2,"calc-time":1}}';
    const { exitCode, stdout, stderr } = await cli(['-', ...flags, ...files], pasted);
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain('Pre-copy, 300 ms completes in');
    const result = whatIfSchema.parse(JSON.parse(readFileSync(json!, 'utf8')));
    expect(result.settings[0]).toMatchObject({ id: 'precopy', completed: 2 });
    expect(readFileSync(chart!, 'utf8')).toContain('<svg');

    const run = await execa('node', ['dist/cli/main.js', 'run', scenario!, '--json']);
    const { totalTimeMs, downtimeMs } = JSON.parse(run.stdout);
    expect(result.settings[0]!.points[0]).toEqual({ totalTimeMs, downtimeMs });
  });

  it.each([
    [['--memory', '1GiB', '--link', '1Gbit/s'], '--dirty-rate: is missing'],
    [['-', '--memory', 'big'], '--memory: expected a size such as 64MiB, got "big"'],
    [['-'], '<stdin>: is empty: paste what one of'],
  ])('refuses %j in one sentence', async (args, sentence) => {
    const { exitCode, stderr } = await cli(args);
    expect(exitCode).toBe(2);
    expect(stderr).toContain(sentence);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});
