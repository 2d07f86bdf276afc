import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { gzipSync } from 'node:zlib';
import { execa, type Options } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunResult, resultSchema } from '../../src/result/schema.ts';
import { VERSION } from '../../src/result/version.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

const OPTIONS = {
  reject: false,
  stripFinalNewline: false,
  // Whatever the terminal or the build server says about colours.
  extendEnv: false,
  env: { PATH: process.env['PATH'] ?? '' },
} satisfies Options;

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cli-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const pageferry = (args: readonly string[], input = '') =>
  execa(process.execPath, [MAIN, ...args], { ...OPTIONS, input });

/** A guest that is ready, migrated and proved in well under a second. */
const SMALL = `name: small
guest:
  memory: 16MiB
  vcpus: 1
  contents: [{ kind: random, zeroShare: 0.25 }]
  workloads: [{ pattern: uniform, rate: 20000, region: { size: 4MiB } }]
link: { bandwidth: 2Gbit/s }
migration: { policy: rounds, rounds: 2, startAfter: 50ms, runAfter: 50ms, timeout: 30s }
`;

/** The rounds of the small guest's policy are of live rounds, which not every migration has. */
const NO_ROUNDS = 'migration.rounds=null';

/** A link on which 32 MiB take some 13 seconds. */
const SLOW = ['link.bandwidth=20Mbit/s', 'guest.memory=32MiB'];

function write(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const sets = (...keys: readonly string[]): string[] => keys.flatMap((key) => ['--set', key]);
const readResult = (path: string): RunResult =>
  resultSchema.parse(JSON.parse(readFileSync(path, 'utf8')));

describe('the virtual runtime', () => {
  it('writes the same result, byte for byte, each time', async () => {
    const texts = await Promise.all(
      ['a.json', 'b.json'].map(async (name) => {
        const output = join(folder, name);
        const args = ['run', write('virtual.yaml', SMALL), '--runtime', 'virtual', '-o', output];
        const { exitCode, stdout } = await pageferry(args);
        expect(exitCode).toBe(0);
        expect(stdout).toMatch(/proved: 16 MiB/);
        return readFileSync(output, 'utf8');
      }),
    );
    expect(texts[0]).toBe(texts[1]);
    expect(resultSchema.parse(JSON.parse(texts[0]!))).toMatchObject({ runtime: 'virtual' });
  });
});

describe('validate', () => {
  const measured = JSON.parse(readFileSync('fixtures/measured/qemu-two-cores.json', 'utf8')) as {
    runs: { id: string }[];
  };
  const some = (...ids: string[]): string => {
    const runs = measured.runs.filter(({ id }) => ids.includes(id));
    return write('measured.json', JSON.stringify({ ...measured, runs }));
  };

  it('prints predicted beside measured, and medians', async () => {
    const file = some('precopy-64-0c7fd296-0', 'xbzrle-b96bce51-0');
    const { exitCode, stdout, stderr } = await pageferry(['validate', file]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^precopy-64-0c7fd296-0 +completed +1911 → 19\d\d /m);
    expect(stdout).toMatch(/^xbzrle-b96bce51-0: skipped, capability xbzrle is not built yet$/m);
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

describe('run', () => {
  it('migrates a preset, proves every byte and writes the result', async () => {
    const output = join(folder, 'quick.json');
    const { exitCode, stdout, stderr } = await pageferry(['run', 'quick', '-o', output]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(stdout).toMatch(/^quick: 256 MiB guest/);
    expect(stdout).toMatch(/^completed in /m);
    expect(stdout).toMatch(/^proved: 256 MiB in 65536 pages/m);
    const { outcome, verify, rounds, ram, scenario } = readResult(output);
    expect(outcome).toBe('completed');
    expect(verify).toMatchObject({ kind: 'replay', ok: true, pagesCompared: 65_536 });
    const live = rounds.filter((round) => !round.stopped);
    const stopped = rounds.filter((round) => round.stopped);
    expect(live.length).toBeGreaterThanOrEqual(2);
    expect(stopped).toHaveLength(1);
    expect(stopped[0]!.pages).toBeGreaterThan(0);
    expect(rounds.reduce((sum, round) => sum + round.bytes, 0)).toBe(
      ram.precopyBytes + ram.downtimeBytes,
    );
    expect(scenario).toMatchObject({ seed: 1, verify: 'replay', guest: { dirtyLog: 'bitmap' } });
    expect(readdirSync(folder).filter((name) => name.includes('quick'))).toEqual(['quick.json']);
  });

  it('prints the result and nothing else with --json', async () => {
    const scenario = write('json.yaml', SMALL);
    const { exitCode, stdout, stderr } = await pageferry(['run', scenario, '--json']);
    expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
    const { outcome, rounds, verify } = resultSchema.parse(JSON.parse(stdout));
    expect({ outcome, ok: verify?.ok }).toEqual({ outcome: 'completed', ok: true });
    expect(rounds.map((round) => round.stopped ?? false)).toEqual([false, false, true]);
  });

  it('prints nothing with -q', async () => {
    const output = join(folder, 'quiet.json');
    const scenario = write('quiet.yaml', SMALL);
    const { exitCode, all } = await execa(
      process.execPath,
      [MAIN, 'run', scenario, '-q', '-o', output],
      { ...OPTIONS, all: true },
    );
    expect({ exitCode, all }).toEqual({ exitCode: 0, all: '' });
    expect(readResult(output).outcome).toBe('completed');
  });

  it('reads a scenario from standard input', async () => {
    const { exitCode, stdout } = await pageferry(['run', '-'], SMALL);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^small: 16 MiB guest, 1 vCPU, pre-copy, policy rounds/);
  });

  it('takes overrides, the last one winning', async () => {
    const scenario = write('sets.yaml', SMALL);
    const { exitCode, stdout } = await pageferry([
      'run',
      scenario,
      '--json',
      ...sets('verify=full', 'verify=off', 'migration.algorithm=stop-and-copy', NO_ROUNDS),
      '--runtime',
      'threads',
    ]);
    expect(exitCode).toBe(0);
    const result = resultSchema.parse(JSON.parse(stdout));
    expect(result.verify).toEqual({ kind: 'off' });
    expect(result.rounds).toHaveLength(1);
    expect(result.rounds[0]).toMatchObject({ stopped: true, pages: 4096 });
  });

  it('proves runs with every dirty log, page size and end', async () => {
    const scenario = write('all.yaml', SMALL);
    const variants = [
      ['guest.dirtyLog=atomic', 'guest.pageSize=64KiB'],
      ['guest.pageSize=2MiB', 'migration.policy=qemu', NO_ROUNDS, 'verify=full'],
      [
        'guest.dirtyLog=none',
        'migration.algorithm=stop-and-copy',
        NO_ROUNDS,
        'link.integrity=header',
      ],
      ['link.bandwidth=unlimited', 'guest.workloads[0].rate=max', 'migration.encodings=[]'],
    ];
    for (const variant of variants) {
      const { exitCode, stdout } = await pageferry([
        'run',
        scenario,
        '--json',
        ...sets(...variant),
      ]);
      const { outcome, verify } = resultSchema.parse(JSON.parse(stdout));
      expect({ variant, exitCode, outcome, ok: verify?.ok }).toEqual({
        variant,
        exitCode: 0,
        outcome: 'completed',
        ok: true,
      });
    }
  });
});

describe('run that does not complete', () => {
  it('ends with 1 and a proved guest at the source when its time is over', async () => {
    const output = join(folder, 'diverged.json');
    const scenario = write('diverged.yaml', SMALL);
    const { exitCode, stdout, stderr } = await pageferry([
      'run',
      scenario,
      '-o',
      output,
      ...sets(...SLOW, 'migration.timeout=300ms'),
    ]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(stdout).toMatch(/^diverged in /m);
    const { outcome, verify, ram, downtimeMs } = readResult(output);
    expect(outcome).toBe('diverged');
    expect(verify).toMatchObject({ kind: 'full', ok: true });
    expect(ram.remaining).toBeGreaterThan(0);
    expect(downtimeMs).toBeUndefined();
  });

  it('is cancelled by Ctrl-C, and still writes its result and proves it', async () => {
    const output = join(folder, 'cancelled.json');
    const run = onTerminal(['run', write('cancelled.yaml', SMALL), '-o', output, ...sets(...SLOW)]);
    await hasPrinted(run, /round 1/);
    run.kill('SIGINT');
    const { exitCode, stdout, stderr } = await run;
    expect(exitCode).toBe(1);
    expect(stripVTControlCharacters(stderr)).toContain('cancelling: the guest stays where it is');
    expect(stdout).toMatch(/^cancelled in /m);
    const { outcome, verify } = readResult(output);
    expect(outcome).toBe('cancelled');
    expect(verify).toMatchObject({ kind: 'full', ok: true });
  });

  it('refuses Ctrl-C once post-copy has begun, and completes', async () => {
    const run = onTerminal([
      'run',
      write('late.yaml', SMALL),
      ...sets('migration.algorithm=postcopy', NO_ROUNDS, 'link.bandwidth=40Mbit/s'),
    ]);
    await hasPrinted(run, /postcopy/);
    run.kill('SIGINT');
    const { exitCode, stdout, stderr } = await run;
    expect(stripVTControlCharacters(stderr)).toContain(
      'too late to cancel: the guest runs at the destination, its pages are still coming',
    );
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^completed in /m);
  });

  it('leaves at once with 130 at the second Ctrl-C, without a result', async () => {
    const output = join(folder, 'interrupted.json');
    const run = onTerminal([
      'run',
      write('interrupted.yaml', SMALL),
      '-o',
      output,
      // Seconds of writes to replay, so that the proof is not over before the second Ctrl-C.
      ...sets(...SLOW, 'guest.workloads[0].rate=max', 'migration.startAfter=1s'),
    ]);
    await hasPrinted(run, /round 1/);
    run.kill('SIGINT');
    await hasPrinted(run, /cancelling/);
    run.kill('SIGINT');
    const { exitCode, stdout } = await run;
    expect({ exitCode, stdout }).toEqual({ exitCode: 130, stdout: '' });
    expect(existsSync(output)).toBe(false);
  });
});

/** With a standard error that takes itself for a terminal, so that progress can be followed. */
function onTerminal(args: readonly string[]) {
  const preload = 'data:text/javascript,process.stderr.isTTY=true';
  return execa(process.execPath, ['--import', preload, MAIN, ...args], OPTIONS);
}

/** Waits for words on standard error; fails when the run ends without them. */
async function hasPrinted(run: ReturnType<typeof onTerminal>, words: RegExp): Promise<void> {
  let printed = '';
  await new Promise<void>((resolve, reject) => {
    const listen = (chunk: Buffer): void => {
      printed += chunk.toString();
      if (!words.test(stripVTControlCharacters(printed))) return;
      run.stderr.off('data', listen);
      resolve();
    };
    run.stderr.on('data', listen);
    run.stderr.once('end', () => reject(new Error(`no ${words.source} in: ${printed}`)));
  });
}

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
      '--set runtime: expected threads or virtual, got "real"',
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
      stderr: `-o ${gone}: the folder ${join(folder, 'gone')} is not there or can't be written to\n`,
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
      [MAIN, 'run', '-', ...sets('guest.memory=16MiB'), ...args],
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

describe('post-copy', () => {
  it('runs the guest first and tells of its faults', async () => {
    const file = write('postcopy.yaml', SMALL);
    const { exitCode, stdout } = await pageferry([
      'run',
      file,
      ...sets('migration.algorithm=postcopy', NO_ROUNDS, 'link.bandwidth=200Mbit/s'),
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^small: 16 MiB guest, 1 vCPU, post-copy, link 200Mbit\/s/);
    expect(stdout).toMatch(/^demand faults: \d+, median .*; vCPUs blocked for /m);
    expect(stdout).toMatch(/^proved: /m);
  });

  const lossy = (outage: string): string[] =>
    sets(
      'migration.algorithm=postcopy',
      NO_ROUNDS,
      'link.bandwidth=200Mbit/s',
      `link.outages=[${outage}]`,
      'migration.postcopyRecoveryTimeout=1s',
    );

  it.each(['threads', 'virtual'])('recovers from an outage, runtime %s', async (runtime) => {
    const output = join(folder, `outage-${runtime}.json`);
    const { exitCode, stdout } = await pageferry([
      'run',
      write('outage.yaml', SMALL),
      '--runtime',
      runtime,
      '-o',
      output,
      ...lossy('{ after: 100ms, for: 50ms }'),
    ]);
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      /^postcopy-paused: once, at \d+ ms, for \d+\.?\d* ms in all; \d+ pages/m,
    );
    expect(stdout).toMatch(/^proved: /m);
    const { postcopyPauses } = readResult(output);
    expect(postcopyPauses).toHaveLength(1);
    expect(postcopyPauses![0]!.durationMs).toBeGreaterThan(45);
  });

  it('whose link does not come back loses the guest, with exit code 1', async () => {
    const output = join(folder, 'lost.json');
    const { exitCode, stdout } = await pageferry([
      'run',
      write('lost.yaml', SMALL),
      '--runtime',
      'virtual',
      '-o',
      output,
      ...lossy('{ after: 100ms }'),
    ]);
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(
      /^failed, guest lost in .*: the link died and no new connection came within 1 s: \d+ of 4096 pages had yet to be sent$/m,
    );
    expect(readResult(output)).toMatchObject({ outcome: 'failed', guestLost: true });
  });

  it('with outages that overlap is refused, with exit code 2', async () => {
    const run = await pageferry([
      'run',
      write('overlap.yaml', SMALL),
      ...lossy('{ after: 1s, for: 1s }, { after: 1s }'),
    ]);
    expect({ exitCode: run.exitCode, stdout: run.stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(run.stderr.trimEnd()).toBe(
      '--set link.outages[1].after: must be later than the end of the outage before ("1s" + "1s")',
    );
  });

  it('of a compressed image that is too short is refused, with exit code 2', async () => {
    writeFileSync(join(folder, 'short.gz'), gzipSync(Buffer.alloc(8192)));
    const file = write(
      'image.yaml',
      SMALL.replace('kind: random, zeroShare: 0.25', 'kind: file, path: short.gz'),
    );
    const { exitCode, stdout, stderr } = await pageferry(['run', file]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
    expect(stderr).toMatch(/image\.yaml guest\.contents: .*short\.gz ends after 8192 bytes/);
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
