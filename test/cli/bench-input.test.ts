import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { benchCommand } from '../../src/cli/bench.ts';
import type { BenchOutcome } from '../../src/lab/bench/outcome.ts';
import { TINY } from '../support/bench.ts';

const folder = mkdtempSync(join(tmpdir(), 'bench-input-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The command within this process: a process for each would take most of the time. */
async function bench(...args: readonly string[]) {
  const command = benchCommand();
  const own = (one: Command): void => {
    one.exitOverride();
    one.commands.forEach(own);
  };
  own(command);
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      printed[name] += String(text);
      return true;
    });
  }
  const before = process.exitCode;
  process.exitCode = undefined;
  let exitCode: unknown;
  try {
    await command.parseAsync(args, { from: 'user' });
    exitCode = process.exitCode;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // What commander finds wrong ends the program with the code of bad input.
    exitCode = error.exitCode === 0 ? 0 : 2;
  } finally {
    process.exitCode = before;
    vi.restoreAllMocks();
  }
  return { ...printed, exitCode };
}

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
    [
      'a rate beyond a ring',
      ['link', '--rates=1Gbit/s,400Gbit/s'],
      /^--rates: 400 Gbit\/s is more than 179/,
    ],
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
    ['two comparisons', [...TINY, '--save=s.json', '--against-ref=HEAD'], /^--save: give only one/],
    ['a file that is not there', [...TINY, '--against=none.json'], /^none\.json: there is no such/],
    ['an unknown commit', [...TINY, '--against-ref=nope'], /^--against-ref nope: is no commit/],
    ['an option as a commit', [...TINY, '--against-ref=--all'], /^--against-ref --all: is no/],
    ['an unknown option', ['encode', '--bogus'], /unknown option '--bogus'/],
    ['an argument too many', ['encode', 'extra'], /too many arguments/],
    ['an option without its value', ['encode', '--bytes'], /argument missing/],
    ['an unknown bench', ['cpu'], /^bench cpu: is no bench \(there are dirty-log, /],
    ['a misspelt bench', ['encod', '--bytes=1MiB'], /^bench encod: .*did you mean encode\?/],
    [
      'fewer runs than could show anything',
      [...TINY, '--against-ref=HEAD', '--runs=5'],
      /^bench encode: 5 runs can't show any change at alpha 0\.01: take --runs 7 or more/,
    ],
    ['JUnit without a comparison', [...TINY, '--junit=x.xml'], /^--junit: reports a comparison/],
    ['one file twice', [...TINY, '--save=x', '--markdown=x'], /^--markdown x: is the file of --sa/],
    ['a page size that is none', ['encode', '--page-size=4MiB'], /^--page-size: expected 4KiB/],
    ['more than there is', ['dirty-log', '--bytes=100TiB'], /^--bytes: needs .* are available/],
    ['an empty name', [...TINY, '-o', ''], /^-o : names no file/],
    ['an empty name to save to', [...TINY, '--save', ''], /^--save : names no file/],
    ['runs without sense', [...TINY, '--runs=many'], /^--runs: /],
    ['a duration without unit', ['link', '--duration=3'], /^--duration: expected a duration/],
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
    expect(await against(`{"runs":${'['.repeat(200)}`)).toBe(
      `${path}:1:108: lists and maps nest more than 100 levels deep here: write it flatter\n`,
    );
    expect(await against(' '.repeat(32 * 1024 * 1024 + 1))).toMatch(/has more than 32 MiB/);
    const one = JSON.parse((await bench(...TINY, '--json')).stdout) as BenchOutcome;
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
