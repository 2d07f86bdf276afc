import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { type Campaign, playSeeds } from '../../src/lab/fuzz/campaign.ts';
import { FuzzCounts } from '../../src/lab/fuzz/counts.ts';
import type { FuzzResult } from '../../src/lab/fuzz/fuzz.ts';
import { FuzzProgress, timeText } from '../../src/lab/fuzz/progress.ts';
import { Generator } from '../../src/random/generator.ts';
import { ManualClock } from '../support/fake-world.ts';

const FUZZ = fileURLToPath(new URL('../../dist/lab/fuzz/main.js', import.meta.url));

const resultOf = (seed: number, wrongs: readonly string[] = []): FuzzResult => ({
  seed,
  outcome: 'completed',
  trouble: 'none',
  wrongs,
  recoveries: 0,
});

/** Players whose seeds end in a random order, which follows from `order`. */
function outOfOrder(order: number) {
  const random = new Generator(order);
  const playing: { readonly seed: number; readonly end: (fails: boolean) => void }[] = [];
  let most = 0;
  const play = (seed: number): Promise<FuzzResult> =>
    new Promise((resolve, reject) => {
      const end = (fails: boolean): void =>
        fails ? reject(new Error(`seed ${seed} has lost its thread`)) : resolve(resultOf(seed));
      playing.push({ seed, end });
      most = Math.max(most, playing.length);
    });
  /** Ends seeds one after another until none is left; those in `failing` lose their threads. */
  const settle = async (failing: readonly number[] = []): Promise<void> => {
    while (playing.length > 0) {
      const [one] = playing.splice(random.below(playing.length), 1);
      one!.end(failing.includes(one!.seed));
      await new Promise((resolve) => void setImmediate(resolve));
    }
  };
  return { play, settle, most: () => most };
}

async function campaign(order: number, changes: Partial<Campaign> = {}, failing: number[] = []) {
  const players = outOfOrder(order);
  const results: FuzzResult[] = [];
  const onResult = (result: FuzzResult): void => void results.push(result);
  const { play } = players;
  const seeds = { from: 10, seeds: 30, threads: 4, play, onResult, ...changes };
  const [played] = await Promise.all([playSeeds(seeds), players.settle(failing)]);
  return { played, results, most: players.most() };
}

describe('a campaign of seeds', () => {
  it.each([1, 2, 3, 4, 5])('tells results in the order of seeds (order %i)', async (order) => {
    const { played, results, most } = await campaign(order);
    expect(played).toBe(30);
    expect(results.map(({ seed }) => seed)).toEqual(Array.from({ length: 30 }, (_, i) => 10 + i));
    expect(most).toBe(4);
  });

  it('counts a seed that loses its thread as a failure, and goes on', async () => {
    const { results } = await campaign(7, {}, [12, 39]);
    const failed = results.filter(({ wrongs }) => wrongs.length > 0);
    expect(failed.map(({ seed }) => seed)).toEqual([12, 39]);
    expect(failed[0]).toMatchObject({ outcome: 'threw' });
    expect(failed[0]!.wrongs[0]).toMatch(/seed 12 has lost its thread/);
    expect(results).toHaveLength(30);
  });

  it.each([0, 1, 5, 29])('stopped after %i seeds has played those to their ends', async (after) => {
    const players = outOfOrder(after + 1);
    const told: number[] = [];
    let begun = 0;
    const [played] = await Promise.all([
      playSeeds({
        from: 10,
        seeds: 30,
        threads: 4,
        play: (seed) => {
          begun++;
          return players.play(seed);
        },
        isStopped: () => begun >= after,
        onResult: ({ seed }) => void told.push(seed),
      }),
      players.settle(),
    ]);
    expect(played).toBe(after);
    expect(told).toEqual(Array.from({ length: after }, (_, i) => 10 + i));
  });

  it('of no seeds is over at once', async () => {
    expect((await campaign(1, { seeds: 0 })).played).toBe(0);
  });
});

describe('what is said of a campaign', () => {
  it('is how many seeds, failures, recoveries and outcomes there were', () => {
    const counts = new FuzzCounts();
    for (const one of [resultOf(1), resultOf(2, ['bad', 'worse']), resultOf(3)]) counts.add(one);
    counts.add({ ...resultOf(4), trouble: 'cut', outcome: 'lost', recoveries: 3 });
    expect(counts).toMatchObject({ seeds: 4, failures: 1 });
    expect(counts.lines()).toEqual([
      '4 seeds, 1 failures',
      '1 seeds had 3 recoveries of a paused post-copy',
      '  cut: lost 1',
      '  none: completed 3',
    ]);
  });

  it.each([
    [true, ['\r\x1b[2K5 of 20 seeds, 0 failures, 90 s left']],
    [false, []],
  ])('on a terminal (%s) it is told several times a second', (isTerminal, expected) => {
    const clock = new ManualClock();
    const said: string[] = [];
    const write = (text: string): void => void said.push(text);
    const progress = new FuzzProgress({ clock, seeds: 20, threads: 2, isTerminal, write });
    progress.update(1, 0);
    clock.ns += 30e9;
    progress.update(5, 0);
    expect(said).toEqual(expected);
    said.length = 0;
    clock.ns += 30e9;
    progress.update(10, 1);
    expect(said.join('')).toContain('10 of 20 seeds, 1 failures, 60 s left');
    expect(progress.speed(20)).toBe('60 s, 20 seeds a minute, 10 for each of 2 threads');
  });

  it.each([
    [119.4e9, '119 s'],
    [120e9, '2 min'],
    [7199e9, '2 h 0 min'],
    [2 * 3600e9 + 300e9, '2 h 5 min'],
  ])('%d ns are %s', (ns, text) => {
    expect(timeText(ns)).toBe(text);
  });
});

describe('the built fuzzer', () => {
  const run = (...args: string[]) => execa(process.execPath, [FUZZ, ...args], { reject: false });

  it('prints the same, however many threads play', async () => {
    const one = await run('--seeds', '6', '--from', '26', '--threads', '1');
    const three = await run('--seeds', '6', '--from', '26', '--threads', '3');
    expect(one.exitCode).toBe(0);
    expect(one.stdout).toMatch(/^6 seeds, 0 failures\n\d+ seeds had \d+ recoveries/);
    expect(three.stdout).toBe(one.stdout);
    expect(one.stderr).toMatch(/seeds a minute, \d+ for each of 1 threads$/);
  });

  it('replays one seed', async () => {
    const { stdout, exitCode } = await run('--seed', '26');
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^1 seeds, 0 failures\n/);
  });

  it('says how far it got when Ctrl-C stops it', async () => {
    const child = run('--seeds', '1000000', '--threads', '2');
    // It says that it plays when it is ready to be stopped.
    child.stderr.once('data', () => child.kill('SIGINT'));
    const { stdout, exitCode } = await child;
    expect(exitCode).toBe(1);
    const said =
      /^stopped before seed (\d+): (\d+) of 1000000 seeds were played; go on with --from (\d+) --seeds (\d+)\n(\d+) seeds, 0 failures\n/.exec(
        stdout,
      );
    expect(said, stdout).not.toBeNull();
    const [next, played, from, left, counted] = said!.slice(1).map(Number);
    expect(next).toBe(played! + 1);
    expect(from).toBe(next);
    expect(left).toBe(1_000_000 - played!);
    expect(counted).toBe(played);
  });

  it.each([
    [['--threads', '0'], '--threads: expected a whole number from 1 to 1024, got "0"'],
    [['--seed', ''], /^--seed: expected a whole number from 0 to \d+, got ""$/],
    [['--sneed', '1'], /--sneed/],
  ])('refuses %j', async (args, message) => {
    const { stderr, exitCode } = await run(...args);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(message);
  });
});
