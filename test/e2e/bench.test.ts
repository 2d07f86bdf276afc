import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Comparison } from '../../src/lab/bench/against.ts';
import type { BenchOutcome, Metric } from '../../src/lab/bench/outcome.ts';
import type { BenchRuns } from '../../src/lab/bench/runs-file.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MAIN = join(ROOT, 'dist', 'cli', 'main.js');

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bench-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const bench = (...args: string[]) =>
  execa(process.execPath, [MAIN, 'bench', ...args], { reject: false, cwd: folder });

async function outcome(...args: string[]): Promise<BenchOutcome> {
  const { stdout, stderr, exitCode } = await bench(...args, '--json');
  expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
  return JSON.parse(stdout) as BenchOutcome;
}

const metric = ({ metrics }: BenchOutcome, of: string, name: string): Metric => {
  const found = metrics.find((one) => one.of === of && one.name === name);
  if (!found)
    throw new Error(`no ${name} of ${of}: there are ${metrics.map((m) => m.of).join('; ')}`);
  return found;
};

/** An encoding of very little memory: the quickest of all benches. */
const TINY = [
  'encode',
  '--contents=zero',
  '--encoding=raw header',
  '--bytes=1MiB',
  '--iterations=1',
];

describe('bench', () => {
  it('names its benches', async () => {
    const { stdout, exitCode } = await bench();
    expect(exitCode).toBe(0);
    for (const name of ['dirty-log', 'demand-paging', 'link', 'encode', 'migrate']) {
      expect(stdout).toContain(name);
    }
  });

  it('dirty-log times each phase of each log and mode, and its logs find every page', async () => {
    const found = await outcome(
      'dirty-log',
      '--bytes=4MiB',
      '--vcpus=2',
      '--slots=3',
      '--iterations=2',
    );
    for (const log of ['bitmap', 'bytemap', 'atomic', 'ring']) {
      for (const mode of ['get-and-clear', 'manual']) {
        const of = `${log}, ${mode}`;
        expect(metric(found, of, 'pages').samples).toEqual([2048, 2048]);
        const phases = [
          'enable',
          'dirty',
          'get',
          ...(mode === 'manual' ? ['clear'] : []),
          'disable',
        ];
        for (const phase of phases) {
          const { samples } = metric(found, of, phase);
          expect(samples).toHaveLength(2);
          expect(Math.min(...samples)).toBeGreaterThan(0);
        }
      }
    }
    expect(metric(found, 'none', 'dirty').samples).toHaveLength(2);
  });

  it('dirty-log has overlap, random pages, part of them written, small rings', async () => {
    const args = ['--bytes=2MiB', '--vcpus=2', '--overlap=yes', '--pattern=random'];
    const found = await outcome(
      'dirty-log',
      ...args,
      '--write-percent=25',
      '--ring-size=1024',
      '--iterations=2',
    );
    const [pages] = metric(found, 'bitmap, get-and-clear', 'pages').samples;
    // 2 × 1024 accesses of a vCPU over 1024 pages, a quarter of them writes.
    expect(pages).toBeGreaterThan(400);
    expect(pages).toBeLessThan(800);
    expect(metric(found, 'ring, manual', 'pages').samples).toEqual(
      metric(found, 'bitmap, manual', 'pages').samples,
    );
  });

  it('dirty-log lets vCPUs write on while the log is stopped', async () => {
    const args = ['--bytes=4MiB', '--run-while-disabling=yes', '--log=bitmap', '--iterations=2'];
    const found = await outcome('dirty-log', ...args);
    expect(metric(found, 'bitmap, manual', 'pages').samples).toEqual([1024, 1024]);
  });

  it('demand-paging counts faults, with their latencies', async () => {
    const found = await outcome('demand-paging', '--vcpus=1', '--bytes=2MiB', '--iterations=2');
    const [faults] = metric(found, '1 vCPU', 'faults').samples;
    expect(faults).toBeGreaterThan(300);
    const total = metric(found, '1 vCPU', 'faults').samples.reduce((sum, one) => sum + one, 0);
    const { counts } = found.distributions![0]!;
    expect(counts.reduce((sum, one) => sum + one, 0)).toBe(total);
  });

  it('link moves frames at a rate and without one', async () => {
    const args = ['--rates=1Gbit/s,unlimited', '--frames=4KiB', '--bytes=4MiB', '--iterations=2'];
    const found = await outcome('link', ...args);
    expect(metric(found, '1 Gbit/s, frames of 4 KiB', 'error of the rate').samples).toHaveLength(2);
    expect(metric(found, 'unlimited, frames of 4 KiB', 'speed').samples).toHaveLength(2);
  });

  it('encode has every encoding on every kind of contents, the image that comes with it too', async () => {
    const found = await outcome('encode', '--bytes=2MiB', '--iterations=1');
    expect(metric(found, 'zero, zero pages, full', 'ratio').samples[0]).toBeGreaterThan(1000);
    expect(metric(found, 'random, zero pages, full', 'ratio').samples[0]).toBeLessThan(1);
    expect(metric(found, 'image, zero pages, header', 'ratio').samples[0]).toBeGreaterThan(1.1);
    expect(metric(found, 'image, all raw, header', 'decode').samples[0]).toBeGreaterThan(0);
  });

  it('migrate runs those of guestperf’s scenarios that are asked for', async () => {
    const { stdout } = await bench('migrate', '--list');
    expect(stdout.trim().split('\n')).toContain('post-copy-iters/post-copy-iters-5');
    const args = ['--filter=*-iters/*-iters-1', '--memory=8MiB', '--iterations=2'];
    const found = await outcome('migrate', ...args);
    expect(metric(found, 'pause-iters/pause-iters-1', 'downtime').samples).toHaveLength(2);
    expect(metric(found, 'post-copy-iters/post-copy-iters-1', 'completed').samples).toEqual([1, 1]);
  });

  it('migrate does every scenario in the virtual runtime', async () => {
    const { stdout } = await bench('migrate', '--list');
    const args = ['--memory=8MiB', '--runtime=virtual', '--dirty-rate=20MB/s'];
    const found = await outcome('migrate', ...args);
    const done = found.metrics.filter(({ name }) => name === 'completed').map(({ of }) => of);
    expect(done).toEqual(stdout.trim().split('\n'));
  });
});

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
    expect(text.stdout).toMatch(/not interleaved[\s\S]*regression/);
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

describe('bench refuses', () => {
  const wrong: readonly [string, readonly string[], RegExp][] = [
    ['an unknown log', ['dirty-log', '--log=bitmpa'], /^--log: .*did you mean bitmap/],
    ['an unknown mode', ['dirty-log', '--mode=x'], /^--mode: .*get-and-clear, manual/],
    ['half a page', ['dirty-log', '--bytes=1KiB'], /^--bytes: expected whole pages/],
    ['an odd page size', ['dirty-log', '--page-size=8KiB'], /^--page-size: expected 4KiB/],
    ['no vCPU', ['dirty-log', '--vcpus=0'], /^--vcpus: expected a whole number from 1/],
    ['more than all writes', ['dirty-log', '--write-percent=101'], /^--write-percent: /],
    ['an unknown pattern', ['dirty-log', '--pattern=zipf'], /^--pattern: expected sequential or/],
    ['a ring of no power of two', ['dirty-log', '--ring-size=5000'], /^--ring-size: .*power/],
    ['a chunk of a few pages', ['dirty-log', '--clear-chunk=4KiB'], /^--clear-chunk: .*32 pages/],
    ['maybe', ['dirty-log', '--overlap=maybe'], /^--overlap: expected yes or no/],
    ['no size', ['dirty-log', '--bytes=many'], /^--bytes: expected a size/],
    ['no rate', ['link', '--rates=fast'], /^--rates: expected a rate/],
    ['an odd frame', ['link', '--frames=100'], /^--frames: expected frames/],
    ['an unknown encoding', ['encode', '--encoding=zstd'], /^--encoding: /],
    [
      'an image that is not there',
      ['encode', '--contents=image', '--image=x'],
      /^--image: there is no/,
    ],
    ['part of a page', ['encode', '--bytes=5000'], /^--bytes: expected whole pages/],
    ['no latency', ['demand-paging', '--latency=soon'], /link\.latency: expected a duration/],
    ['no scenario', ['migrate', '--filter=x'], /^--filter: "x" names none/],
    ['an unknown runtime', ['migrate', '--runtime=x'], /^--runtime: expected threads or virtual/],
    ['too few runs', [...TINY, '--save=s.json', '--runs=2'], /^--runs: .*from 5/],
    ['no threshold', [...TINY, '--against-ref=HEAD', '--threshold=0'], /^--threshold: /],
    ['an impossible p', [...TINY, '--against-ref=HEAD', '--alpha=2'], /^--alpha: /],
    ['two comparisons', [...TINY, '--save=s.json', '--against-ref=HEAD'], /^--save: takes no/],
    ['a file that is not there', [...TINY, '--against=none.json'], /^none\.json: there is no such/],
    ['an unknown commit', [...TINY, '--against-ref=nope'], /^--against-ref nope: is no commit/],
    ['an option as a commit', [...TINY, '--against-ref=--all'], /^--against-ref --all: is no/],
    ['an unknown option', ['encode', '--bogus'], /unknown option '--bogus'/],
    ['an argument too many', ['encode', 'extra'], /too many arguments/],
    ['an option without its value', ['encode', '--bytes'], /argument missing/],
    ['an unknown bench', ['cpu'], /too many arguments|unknown command/],
    ['a page size that is none', ['encode', '--page-size=4MiB'], /^--page-size: expected 4KiB/],
    ['more than there is', ['dirty-log', '--bytes=100TiB'], /^--bytes: needs .* are available/],
    ['an empty name', [...TINY, '-o', ''], /^-o : names no file/],
    ['an empty name to save to', [...TINY, '--save', ''], /^--save : names no file/],
    ['runs without sense', [...TINY, '--runs=many'], /^--runs: /],
    ['a duration without unit', ['link', '--duration=3'], /^--duration: expected a duration/],
    [
      'so few runs that nothing could be found',
      [...TINY, '--runs=5', '--against-ref=HEAD'],
      /^bench encode: 5 runs can't show any change among 2 metrics at alpha 0\.01/,
    ],
    ['a folder to save to', [...TINY, '--save=no/such/x.json'], /no\/such/],
  ];

  it.each(wrong)('%s', async (_, args, message) => {
    const { stderr, stdout, exitCode } = await bench(...args);
    expect(stderr).toMatch(message);
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
  });

  it('files that are no saved runs, or of another machine or bench', async () => {
    const path = join(folder, 'bad.json');
    const against = async (content: string): Promise<string> => {
      writeFileSync(path, content);
      const { stderr, exitCode } = await bench(...TINY, '--against', path);
      expect(exitCode).toBe(2);
      return stderr;
    };
    expect(await against('{')).toMatch(/is no JSON/);
    expect(await against('{"schema":"pageferry/bench-runs@1","runs":[]}')).toMatch(
      /expected what --save/,
    );
    const one = await outcome(...TINY);
    const file = (run: object): string =>
      JSON.stringify({
        schema: 'pageferry/bench-runs@1',
        runs: Array.from({ length: 5 }, () => run),
      });
    expect(await against(file({ ...one, bench: 'link' }))).toMatch(
      /holds runs of link, not of encode/,
    );
    const elsewhere = { ...one, host: { ...one.host, cpuModel: 'abacus' } };
    expect(await against(file(elsewhere))).toMatch(/cpuModel abacus.*compare on one machine/);
    const injected = { ...one, options: { ...one.options, output: join(folder, 'x.json') } };
    expect(await against(file(injected))).toMatch(/has an option output that encode has not/);
    expect(existsSync(join(folder, 'x.json'))).toBe(false);
    const mixed = JSON.stringify({
      schema: 'pageferry/bench-runs@1',
      runs: [one, one, one, one, { ...one, options: { ...one.options, bytes: '2MiB' } }],
    });
    expect(await against(mixed)).toMatch(/holds runs with different options/);
    const larger = { ...one, options: { ...one.options, bytes: '2MiB' } };
    expect(await against(file(larger))).toMatch(
      /^--bytes: .* was measured with 2MiB: leave it out/,
    );
  });
});
