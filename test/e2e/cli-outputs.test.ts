import { mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { resultSchema } from '../../src/result/schema.ts';
import { cliFolder, MAIN, OPTIONS, SMALL } from '../support/cli.ts';

const { folder, write } = cliFolder();

const SCENARIO = write('small.yaml', `${SMALL}runtime: virtual\n`);
const TEMP = join(folder, 'temp');
mkdirSync(TEMP);
const FULL = "can't be written: no space is left on the device (ENOSPC)";

/** A module that the program loads before itself; `code` changes functions of node:fs. */
const preload = (code: string): string =>
  `data:text/javascript,${encodeURIComponent(
    `import fs from 'node:fs'; import { syncBuiltinESMExports } from 'node:module';
     ${code}; syncBuiltinESMExports();`,
  )}`;

interface Setting {
  /** What follows the command in the shell that runs it; $0 is Node, and $@ are its arguments. */
  readonly shell?: string;
  readonly code?: string;
  readonly temp?: string;
}

/** Runs the built program, which keeps in TEMP what has no other place. */
const pageferry = (
  args: readonly string[],
  { shell = 'exec "$0" "$@"', code = '', temp = TEMP }: Setting = {},
) =>
  execa('sh', ['-c', shell, process.execPath, '--import', preload(code), MAIN, ...args], {
    ...OPTIONS,
    cwd: folder,
    env: { ...OPTIONS.env, TMPDIR: temp },
  });

/** Splits off the line that says where the result is kept, and returns the rest with the result. */
function kept(stderr: string) {
  const [line, path] = /the result is kept as (.*)\n$/.exec(stderr) ?? [];
  expect(path, stderr).toContain(TEMP);
  const result = resultSchema.parse(JSON.parse(readFileSync(path!, 'utf8')));
  return { rest: stderr.replace(line!, ''), result };
}

describe('a result that can not be written', () => {
  it('is kept in a temporary folder, and a success is none', async () => {
    const { exitCode, stdout, stderr } = await pageferry(['run', SCENARIO, '-o', '/dev/full']);
    const { rest, result } = kept(stderr);
    expect(rest).toBe(`-o /dev/full: ${FULL}\n`);
    expect(result.outcome).toBe('completed');
    expect(stdout).toContain('completed in');
    expect(exitCode).toBe(1);
  });

  it('is told of by the option that was typed, and its charts are drawn all the same', async () => {
    const charts = ['--chart', 'chart.png', '--page-chart', 'pages.svg'];
    const args = ['run', SCENARIO, '-q', '--output', '/dev/full', ...charts];
    const { exitCode, stderr } = await pageferry(args);
    const { rest, result } = kept(stderr);
    expect(rest).toBe(`--output /dev/full: ${FULL}\n`);
    expect(result.pages?.sentTimes.slice(1).reduce((sum, pages) => sum + pages)).toBe(4096);
    expect(readFileSync(join(folder, 'pages.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s);
    expect(exitCode).toBe(1);
    const png = readFileSync(join(folder, 'chart.png'));
    expect(png.subarray(1, 4).toString()).toBe('PNG');
  });

  it('is kept nowhere else when it is printed', async () => {
    const args = ['run', SCENARIO, '--json', '--pages', '-o', '/dev/full'];
    const { exitCode, stdout, stderr } = await pageferry(args);
    expect(stderr).toBe(`-o /dev/full: ${FULL}, but it was printed on standard output\n`);
    const { outcome, pages } = resultSchema.parse(JSON.parse(stdout));
    expect({ outcome, bins: pages?.bins }).toEqual({ outcome: 'completed', bins: 1024 });
    expect(exitCode).toBe(1);
  });

  it('is printed when the temporary folder can not be written either', async () => {
    const temp = join(folder, 'gone');
    const { exitCode, stdout, stderr } = await pageferry(
      ['run', SCENARIO, '-q', '-o', '/dev/full'],
      { temp },
    );
    expect(stderr).toBe(
      `-o /dev/full: ${FULL}\nthe result can't be kept in ${temp} either: its folder is not there (ENOENT)\n`,
    );
    expect(resultSchema.parse(JSON.parse(stdout)).outcome).toBe('completed');
    expect(exitCode).toBe(1);
  });

  it('leaves no part of itself behind', async () => {
    const own = mkdtempSync(join(folder, 'own-'));
    // No file may have a byte here; the result goes to standard output, which is a pipe.
    const { exitCode, stdout, stderr } = await pageferry(
      ['run', SCENARIO, '-q', '-o', join(own, 'o.json')],
      { shell: 'ulimit -f 0; exec "$0" "$@"' },
    );
    const reason = 'it would be larger than files may be (EFBIG)';
    expect(stderr).toBe(
      `-o ${join(own, 'o.json')}: can't be written: ${reason}\n` +
        `the result can't be kept in ${TEMP} either: ${reason}\n`,
    );
    expect(resultSchema.parse(JSON.parse(stdout)).outcome).toBe('completed');
    expect(exitCode).toBe(1);
    expect(readdirSync(own)).toEqual([]);
  });

  it.each(['SIGINT', 'SIGTERM'])('is whole when %s comes in the middle', async (name) => {
    const own = mkdtempSync(join(folder, 'own-'));
    const output = join(own, 'o.json');
    const code = `const real = fs.fsyncSync;
      fs.fsyncSync = (file) => { process.kill(process.pid, '${name}'); real(file); }`;
    const { signal } = await pageferry(['run', SCENARIO, '-q', '-o', output], { code });
    expect(signal).toBe(name);
    expect(readdirSync(own)).toEqual(['o.json']);
    expect(resultSchema.parse(JSON.parse(readFileSync(output, 'utf8'))).outcome).toBe('completed');
  });
});

describe('standard output that can not be written', () => {
  it('leaves the result in a temporary folder', async () => {
    const { exitCode, stderr } = await pageferry(['run', SCENARIO], {
      shell: '"$0" "$@" > /dev/full',
    });
    const { rest, result } = kept(stderr);
    expect(rest).toBe(`standard output: ${FULL}\n`);
    expect(result.outcome).toBe('completed');
    expect(exitCode).toBe(1);
  });

  it('keeps the code of a run that has not completed, and the file that was asked for', async () => {
    const output = join(folder, 'late.json');
    const late = ['--set', 'link.bandwidth=20Mbit/s', '--set', 'migration.timeout=200ms'];
    const args = ['run', SCENARIO, '--json', '-o', output, ...late];
    const { exitCode, stderr } = await pageferry(args, { shell: '"$0" "$@" > /dev/full' });
    expect(stderr).toBe(`standard output: ${FULL}\n`);
    expect(resultSchema.parse(JSON.parse(readFileSync(output, 'utf8'))).outcome).toBe('diverged');
    expect(exitCode).toBe(1);
  });

  it('is told of by commands without a result too', async () => {
    const { exitCode, stderr } = await pageferry(['schema'], { shell: '"$0" "$@" > /dev/full' });
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: `standard output: ${FULL}\n` });
  });

  it('has a reader who may leave early', async () => {
    const output = join(folder, 'early.json');
    const shell = '{ "$0" "$@"; echo $? > code; } | true; exit $(cat code)';
    const args = ['run', SCENARIO, '--json', '-o', output];
    const { exitCode, stderr } = await pageferry(args, { shell });
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(resultSchema.parse(JSON.parse(readFileSync(output, 'utf8'))).outcome).toBe('completed');
  });
});

describe('standard error that can not be written', () => {
  it('changes no exit code', async () => {
    const shell = '"$0" "$@" 2> /dev/full';
    const { exitCode } = await pageferry(['run', './gone.yaml'], { shell });
    expect(exitCode).toBe(2);
  });
});
