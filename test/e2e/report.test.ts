import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleRun } from '../report/html/samples.ts';
import { cliFolder, pageferry } from '../support/cli.ts';

const { folder, write } = cliFolder();

describe('pageferry report', () => {
  it('writes the page beside the result, and each chart as SVG and PNG', async () => {
    const result = write('r.json', JSON.stringify(await sampleRun()));
    const charts = join(folder, 'charts');
    const { exitCode, stdout, stderr } = await pageferry(['report', result, '--charts', charts]);
    expect([exitCode, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /^The guest moved in .*\nThe report is in .*r\.html, and \d+ charts to .*charts\.\n$/s,
    );
    expect(readFileSync(join(folder, 'r.html'), 'utf8')).toMatch(/^<!doctype html>/);
    const names = readdirSync(charts);
    expect(names).toContain('migration.svg');
    expect(readFileSync(join(charts, 'migration.png')).subarray(1, 4).toString()).toBe('PNG');
    expect(names.filter((name) => name.endsWith('.png'))).toHaveLength(names.length / 2);
  });

  it.runIf(existsSync('/dev/full'))('names no file that it could not write', async () => {
    const result = write('full.json', JSON.stringify(await sampleRun()));
    const { exitCode, stdout } = await pageferry(['report', result, '-o', '/dev/full']);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^The guest moved in [^\n]*\n$/);
  });

  it('refuses what is no result, with its place, and writes nothing', async () => {
    const path = write('broken.json', '{"schema":"pageferry/run@1"}');
    const { exitCode, stderr, stdout } = await pageferry(['report', path]);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /broken\.json: is no whole pageferry\/run@1: version: is missing: expected text\n$/,
    );
    expect(existsSync(path.replace('.json', '.html'))).toBe(false);
  });
});
