import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { monotonicClock } from '../../clock/monotonic.ts';
import { TaskPool } from '../../runtime/threads/pool.ts';
import { playSeeds } from './campaign.ts';
import { FuzzCounts } from './counts.ts';
import type { FuzzResult } from './fuzz.ts';
import { PLAYS } from './plays.ts';
import { FuzzProgress } from './progress.ts';
import type { FuzzTasks } from './tasks.ts';

const MOST_THREADS = 1024;
const INTERRUPTED = 130;

/** Parses a flag's whole number, which must be from `least` to `most`. Throws RangeError. */
function wholeNumber(
  name: string,
  text: string,
  least = 0,
  most = Number.MAX_SAFE_INTEGER,
): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most) {
    return value;
  }
  throw new RangeError(
    `--${name}: expected a whole number from ${least} to ${most}, got "${text}"`,
  );
}

/**
 * `npm run fuzz -- --seeds N [--from S] [--threads T]` plays N random migrations with random trouble, on all cores
 * unless told otherwise; `--seed S` replays one, in this thread. With `--streams` their frames are tampered with, with
 * `--hostile` a destination alone takes a hundred mutations of what the source has sent, with
 * `--devices` their guests have devices, with `--hints` they hint their free pages, with `--parts` their pages travel in
 * parts, with `--xbzrle` they are sent as what has changed of them, with `--channels` over several channels, with
 * `--encodings` in any of the encodings, with several of them at once, also those that are tampered with. With
 * `--protections` the guests do not migrate: they are protected by Remus while hosts and connections die. With
 * `--processes` they migrate between two
 * processes, in real time, whose connections fail and which are killed. What it prints on stdout depends on the
 * seeds alone: each failure with its seed, in their order, then what became of how many. Progress and speed go to
 * stderr. The exit code is 1 after a failure, and when Ctrl-C has ended it early.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      threads: { type: 'string', default: String(availableParallelism()) },
      streams: { type: 'boolean', default: false },
      hostile: { type: 'boolean', default: false },
      devices: { type: 'boolean', default: false },
      hints: { type: 'boolean', default: false },
      parts: { type: 'boolean', default: false },
      xbzrle: { type: 'boolean', default: false },
      encodings: { type: 'boolean', default: false },
      channels: { type: 'boolean', default: false },
      protections: { type: 'boolean', default: false },
      processes: { type: 'boolean', default: false },
    },
  });
  const threads = wholeNumber('threads', values.threads, 1, MOST_THREADS);
  const seeds = wholeNumber('seeds', values.seeds);
  const from = wholeNumber('from', values.from);
  const task = taskOf(values);
  if (values.seed === undefined) return playAll(task, from, seeds, threads);
  const seed = wholeNumber('seed', values.seed);
  const result = await PLAYS[task](seed);
  const counts = new FuzzCounts();
  count(counts, result);
  return conclude(counts);
}

/** Returns the kind of play that the flags name. */
function taskOf(
  flags: Record<
    | 'streams'
    | 'hostile'
    | 'devices'
    | 'hints'
    | 'parts'
    | 'xbzrle'
    | 'encodings'
    | 'channels'
    | 'protections'
    | 'processes',
    boolean
  >,
): keyof FuzzTasks {
  if (flags.streams) return flags.encodings ? 'playEncodedStream' : 'playStream';
  if (flags.hostile) return 'playHostile';
  if (flags.devices) return 'playDevices';
  if (flags.hints) return 'playHints';
  if (flags.xbzrle) return 'playXbzrle';
  if (flags.encodings) return 'playEncodings';
  if (flags.channels) return 'playChannels';
  if (flags.protections) return 'playProtection';
  if (flags.processes) return 'playProcesses';
  return flags.parts ? 'playParts' : 'play';
}

/** Plays seeds in threads of a pool. Ctrl-C lets those that have begun end, a second one ends the program at once. */
async function playAll(
  task: keyof FuzzTasks,
  from: number,
  seeds: number,
  threads: number,
): Promise<number> {
  const counts = new FuzzCounts();
  const pool = new TaskPool<FuzzTasks>('lab/fuzz/worker.js', Math.min(threads, Math.max(1, seeds)));
  const progress = new FuzzProgress({
    clock: monotonicClock(),
    seeds,
    threads: pool.threads,
    isTerminal: process.stderr.isTTY,
    write: (text) => void process.stderr.write(text),
  });
  let isStopped = false;
  const stop = (): void => {
    if (isStopped) process.exit(INTERRUPTED);
    isStopped = true;
    progress.note('stopping: the seeds that have begun are played to their ends');
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, stop);
  progress.note(`playing ${seeds} seeds from ${from} on, in ${pool.threads} threads`);
  try {
    await playSeeds({
      from,
      seeds,
      threads: pool.threads,
      play: (seed) => pool.run(task, seed),
      onResult: (result) => {
        count(counts, result);
        progress.update(counts.seeds, counts.failures);
      },
      isStopped: () => isStopped,
    });
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.off(signal, stop);
    await pool.destroy();
  }
  progress.note(progress.speed(counts.seeds));
  if (counts.seeds < seeds) {
    const next = from + counts.seeds;
    process.stdout.write(
      `stopped before seed ${next}: ${counts.seeds} of ${seeds} seeds were played; go on with --from ${next} --seeds ${seeds - counts.seeds}\n`,
    );
    conclude(counts);
    return 1;
  }
  return conclude(counts);
}

/** Counts a result, and prints what is wrong with it. */
function count(counts: FuzzCounts, result: FuzzResult): void {
  counts.add(result);
  const { seed, wrongs } = result;
  if (wrongs.length > 0) process.stdout.write(`seed ${seed}: ${wrongs.join('\n  ')}\n`);
}

/** Prints the summary, and returns the exit code. */
function conclude(counts: FuzzCounts): number {
  process.stdout.write(`${counts.lines().join('\n')}\n`);
  return counts.failures > 0 ? 1 : 0;
}

// A reader that closes the pipe early is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  process.exitCode = await main();
} catch (error) {
  if (!(
    error instanceof RangeError || (error as { code?: string }).code?.startsWith('ERR_PARSE')
  )) {
    throw error;
  }
  process.stderr.write(`${(error as Error).message}\n`);
  process.exitCode = 2;
}
