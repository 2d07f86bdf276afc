import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import type { Comparison } from '../../src/lab/bench/against.ts';
import type { BenchRuns } from '../../src/lab/bench/runs-file.ts';
import { benchFolder, ROOT, TINY } from '../support/bench.ts';

const { folder, bench } = benchFolder();

describe('bench, compared', () => {
  it('saves runs, and finds a saved version that was faster', async () => {
    const path = join(folder, 'saved.json');
    const { exitCode } = await bench(...TINY, '--runs=5', '--save', path, '-q');
    expect(exitCode).toBe(0);
    const saved = JSON.parse(readFileSync(path, 'utf8')) as BenchRuns;
    expect(saved.runs).toHaveLength(5);
    // As if an older version, which nobody can build any more, had been a hundred times as fast.
    const faster = {
      ...saved,
      runs: saved.runs.map((run) => ({
        ...run,
        commit: undefined,
        metrics: run.metrics.map((one) => ({ ...one, samples: one.samples.map((s) => 100 * s) })),
      })),
    };
    writeFileSync(path, JSON.stringify(faster));
    const worse = await bench(...TINY, '--runs=8', '--alpha=0.05', '--against', path, '--json');
    expect(worse.exitCode).toBe(1);
    const comparison = JSON.parse(worse.stdout) as Comparison;
    expect(comparison.isInterleaved).toBe(false);
    expect(comparison.judgements.map(({ verdict }) => verdict)).toContain('regression');
    const text = await bench(...TINY, '--runs=8', '--alpha=0.05', '--against', path);
    // On a machine that is busy, a line says how long it will take.
    expect(text.stderr).toMatch(/^(?:bench encode: .*|)$/);
    expect(text.stdout).toMatch(/did not take turns[\s\S]*regression/);
  });

  it.runIf(existsSync(join(ROOT, '.git')))(
    'builds another version, which takes turns',
    async () => {
      const args = [
        ...TINY,
        '--runs=8',
        '--alpha=0.05',
        '--threshold=900',
        '--against-ref',
        'HEAD',
        '--json',
      ];
      const { stdout, stderr, exitCode } = await bench(...args);
      expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
      const comparison = JSON.parse(stdout) as Comparison;
      expect(comparison.isInterleaved).toBe(true);
      expect(comparison.before.runs).toBe(8);
      expect(comparison.judgements.map(({ name }) => name)).toEqual(['encode', 'decode']);
    },
  );
});

describe.runIf(existsSync(join(ROOT, '.git')))('bench that SIGTERM ends', () => {
  it('leaves nothing of the version that it builds, nor a process that builds it', async () => {
    const temporary = mkdtempSync(join(folder, 'tmp-'));
    const args = [join(ROOT, 'dist/cli/main.js'), 'bench', ...TINY, '-q', '--against-ref', 'HEAD'];
    const child = execa(process.execPath, args, { reject: false, env: { TMPDIR: temporary } });
    while (readdirSync(temporary).length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    child.kill('SIGTERM');
    const { exitCode, stdout, stderr } = await child;
    expect({ exitCode, stdout, stderr }).toEqual({
      exitCode: 1,
      stdout: '',
      stderr: 'interrupted before all runs were made: there is no result',
    });
    expect(readdirSync(temporary)).toEqual([]);
  });
});

describe.runIf(existsSync(join(ROOT, '.git')))('bench in a checkout of its own', () => {
  it('finds that what is built is slower than the commit it came from', async () => {
    const checkout = join(folder, 'checkout');
    await execa('git', ['clone', '--quiet', ROOT, checkout]);
    symlinkSync(join(ROOT, 'node_modules'), join(checkout, 'node_modules'), 'dir');
    const file = join(checkout, 'src', 'memory', 'copy.ts');
    const slow = readFileSync(file, 'utf8').replace(
      'else fill.call(',
      'else for (let i = 0; i < 4; i++) fill.call(',
    );
    writeFileSync(file, slow);
    await execa('npm', ['run', '--silent', 'build'], { cwd: checkout });
    const cli = join(checkout, 'dist', 'cli', 'main.js');
    const options = ['--contents=random', '--encoding=raw header', '--bytes=8MiB', '--runs=8'];
    const args = ['encode', ...options, '--alpha=0.05', '--against-ref', 'HEAD', '--json'];
    const { stdout, exitCode } = await execa(process.execPath, [cli, 'bench', ...args], {
      reject: false,
    });
    expect(exitCode).toBe(1);
    const { judgements, before, after } = JSON.parse(stdout) as Comparison;
    expect(judgements.map(({ verdict }) => verdict)).toEqual(['regression', 'regression']);
    expect(after.commit).toBe(`${before.commit}+`);
  });
});
