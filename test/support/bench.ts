import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, expect } from 'vitest';
import type { BenchOutcome } from '../../src/lab/bench/outcome.ts';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = join(ROOT, 'dist', 'cli', 'main.js');

/** Arguments of the quickest of all benches: one encoding of very little memory. */
export const TINY = [
  'encode',
  '--contents=zero',
  '--encoding=raw header',
  '--bytes=1MiB',
  '--iterations=1',
];

/** Makes a folder in which the built program runs its benches; it is removed after the test file. */
export function benchFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const bench = (...args: string[]) =>
    execa(process.execPath, [MAIN, 'bench', ...args], { reject: false, cwd: folder });
  const outcome = async (...args: string[]): Promise<BenchOutcome> => {
    const { stdout, stderr, exitCode } = await bench(...args, '--json');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    return JSON.parse(stdout) as BenchOutcome;
  };
  return { folder, bench, outcome };
}
