import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'papers-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pageferry = (...args: string[]) =>
  execa(process.execPath, [MAIN, ...args], { reject: false, env: { NO_COLOR: '1' } });

describe('paper', () => {
  it('lists what there is', async () => {
    const { stdout, exitCode } = await pageferry('paper');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^clark-mmuncher\s+Clark et al\., NSDI 2005, figure 12\s+MMuncher/m);
  });

  it('prints paper, ours and error, and writes result and figure', async () => {
    const { stdout, exitCode } = await pageferry('paper', 'clark-specweb', '-o', folder);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^\s+4\s+189\s+189\s+\+0\.0 %$/m);
    expect(stdout).toContain('all 30 goals met');
    for (const ending of ['json', 'svg', 'png']) {
      expect(existsSync(join(folder, `clark-specweb.${ending}`))).toBe(true);
    }
    const json = readFileSync(join(folder, 'clark-specweb.json'), 'utf8');
    expect((await pageferry('paper', 'clark-specweb', '--json')).stdout).toBe(json.trimEnd());
  });

  it.each([
    [['paper', 'clark-muncher'], 'clark-muncher: is no experiment (did you mean clark-mmuncher?)'],
    [
      ['paper', 'clark-specweb', '--page', 'x.md'],
      '--page: the page has all experiments: write paper all --page FILE',
    ],
    [
      ['wws', 'redis', '--duration', '2s'],
      '--window: a window of 8s is longer than the --duration of 2s: shorten it, or observe longer',
    ],
    [['wws', 'redis', '--sample', '3ms'], '--sample: must divide --window'],
    [
      ['wws', 'redis', '--window', 'long'],
      '--window: expected a duration above 0 such as 8s, got "long"',
    ],
  ])('%j is bad input', async (args, message) => {
    expect(await pageferry(...args)).toMatchObject({ exitCode: 2, stdout: '', stderr: message });
  });
});

describe('wws', () => {
  it('counts the pages that each window dirties', async () => {
    const sets = ['guest.vcpus=1', 'guest.workloads=[{ pattern: sequential, rate: 1000 }]'];
    const { stdout } = await pageferry(
      'wws',
      'quick',
      '--window=1s',
      '--sample=500ms',
      '--duration=2s',
      '--json',
      ...sets.flatMap((set) => ['--set', set]),
    );
    expect(JSON.parse(stdout)).toMatchObject({
      format: 'pageferry/wws@1',
      windows: [
        { startMs: 0, pages: [500, 1000] },
        { startMs: 1000, pages: [500, 1000] },
      ],
    });
  });
});
