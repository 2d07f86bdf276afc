import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { VERSION } from '../../src/result/version.ts';
import { cliFolder, MAIN, OPTIONS, pageferry, sets, SMALL } from '../support/cli.ts';

const { folder, write } = cliFolder();

describe('bad input', () => {
  it('ends with 2, says where on stderr, and neither prints nor writes a result', async () => {
    const output = join(folder, 'bad.json');
    const scenario = write('bad.yaml', 'guest:\n  memory: 64MB/s\n  vcpu: 3\n');
    const { exitCode, stdout, stderr } = await pageferry(['run', scenario, '-o', output]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toBe(
      `${scenario}:2:11 guest.memory: expected a size such as 64MiB, got "64MB/s"\n` +
        `${scenario}:3:3 guest.vcpu: unknown key: did you mean vcpus?\n`,
    );
    expect(existsSync(output)).toBe(false);
  });

  it.each([
    ['an unknown preset', ['run', 'quik'], 'quik: is no preset (did you mean quick?)'],
    ['a missing file', ['run', './gone.yaml'], './gone.yaml: there is no such file'],
    ['a wrong override', ['run', 'quick', '--set', 'seed'], '--set: expected key=value such as'],
    [
      'an unknown runtime',
      ['run', 'quick', '--runtime', 'real'],
      '--runtime: expected threads or virtual, got "real"',
    ],
    [
      'a wrong override beside a runtime',
      ['run', 'quick', '--runtime', 'virtual', '--set', 'guest.vcpus=0'],
      '--set guest.vcpus: expected a whole number from 1 to 256, got 0',
    ],
    ['an unknown command', ['rnu'], "error: unknown command 'rnu'\n(Did you mean run?)"],
    ['an unknown option', ['run', 'quick', '--fast'], "error: unknown option '--fast'"],
    ['no scenario', ['run'], "error: missing required argument 'scenario'"],
    ['two scenarios', ['run', 'quick', 'redis'], 'error: too many arguments'],
  ])('ends with 2 for %s', async (_, args, message) => {
    const { exitCode, stdout, stderr } = await pageferry(args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr.startsWith(message)).toBe(true);
  });

  it('is refused when it is too much, in sentences and in seconds', async () => {
    const header = '{"format":"pageferry/trace@1","intervalMs":10,"pageSize":4096}\n';
    // Some tens of kilobytes are millions of intervals.
    const trace = gzipSync(`${header}${'[]\n'.repeat(3_000_000)}`);
    writeFileSync(join(folder, 'short'), trace);
    const workload = '{ pattern: trace, trace: { file: short } }';
    const yaml = write('trace.yaml', `guest: { memory: 64MiB, workloads: [${workload}] }\n`);
    const run = await pageferry(['run', yaml]);
    expect({ exitCode: run.exitCode, stdout: run.stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(run.stderr).toBe(
      `${yaml}:1:70 guest.workloads[0].trace.file: short has more than 1048576 intervals, ` +
        'which is the most that is read: cut it into shorter traces\n',
    );
    const keys = Array.from({ length: 10_000 }, (_, i) => `key${i}: 1\n`).join('');
    const unknown = await pageferry(['evacuate', '-'], keys);
    expect(unknown.exitCode).toBe(2);
    expect(unknown.stderr).toMatch(/^<stdin>:1:1 .*\n(?:<stdin>.*\n){19}… and 9 982 more\n$/);
    const deep = await pageferry(['run', '-'], `guest: ${'['.repeat(20_000)}`);
    expect({ exitCode: deep.exitCode, stderr: deep.stderr }).toEqual({
      exitCode: 2,
      stderr:
        '<stdin>:1:109: lists and maps nest more than 100 levels deep here: write it flatter\n',
    });
  });

  it('is called <stdin> when it comes from there', async () => {
    const { exitCode, stderr } = await pageferry(['run', '-'], 'seed: x\n');
    expect(exitCode).toBe(2);
    expect(stderr).toBe(
      '<stdin>:1:7 seed: expected a whole number from 0 to 9007199254740991, got "x"\n' +
        '<stdin>:1:1 guest: is missing: expected a map of keys\n',
    );
  });

  it('includes a result that could not be written, before the run', async () => {
    const gone = join(folder, 'gone', 'result.json');
    const missing = await pageferry(['run', 'quick', '-o', gone]);
    expect(missing).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: `-o ${gone}: the folder ${join(folder, 'gone')} is not there: make it first\n`,
    });
    const taken = await pageferry(['run', 'quick', '-o', folder]);
    expect(taken).toMatchObject({
      exitCode: 2,
      stdout: '',
      stderr: `-o ${folder}: is a folder: name a file in it\n`,
    });
  });
});

describe('colours', () => {
  const ESCAPE = '\u001B[';
  const coloured = async (env: Record<string, string>, ...args: string[]): Promise<boolean> => {
    const { exitCode, stdout } = await execa(
      process.execPath,
      [MAIN, 'run', '-', ...sets('runtime=virtual'), ...args],
      { ...OPTIONS, env: { ...OPTIONS.env, ...env }, input: SMALL },
    );
    expect(exitCode).toBe(0);
    return stdout.includes(ESCAPE);
  };

  it('are off in a pipe, and on when forced', async () => {
    expect(await coloured({})).toBe(false);
    expect(await coloured({ FORCE_COLOR: '1' })).toBe(true);
  });

  it('are off with NO_COLOR and --no-color', async () => {
    expect(await coloured({ FORCE_COLOR: '1', NO_COLOR: '1' })).toBe(false);
    expect(await coloured({ FORCE_COLOR: '1' }, '--no-color')).toBe(false);
  });
});

describe('help', () => {
  it.each([
    [['--help'], 'Usage: pageferry [options] [command]', 'schema'],
    [['run', '--help'], 'Usage: pageferry run [options] <scenario>', 'web-server'],
    [['schema', '--help'], 'Usage: pageferry schema [options]', 'yaml-language-server'],
    [['help', 'run'], 'Usage: pageferry run [options] <scenario>', 'Exit codes:'],
  ])('is there for %j', async (args, usage, detail) => {
    const { exitCode, stdout, stderr } = await pageferry(args);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout.startsWith(usage)).toBe(true);
    expect(stdout).toContain(detail);
  });

  it('is shown, as wrong usage, to who names no command', async () => {
    const { exitCode, stdout, stderr } = await pageferry([]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/^Usage: pageferry/);
  });

  it('tells the version', async () => {
    const { exitCode, stdout } = await pageferry(['--version']);
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: `${VERSION}\n` });
  });
});

describe('schema', () => {
  it('prints the JSON schema of scenarios', async () => {
    const { exitCode, stdout, stderr } = await pageferry(['schema']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ type: 'object', required: ['guest'] });
  });
});
