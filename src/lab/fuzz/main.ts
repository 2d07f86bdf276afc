import { parseArgs } from 'node:util';
import { monotonicClock } from '../../clock/monotonic.ts';
import { fuzz } from './fuzz.ts';

/** Parses a flag's whole number. Throws RangeError. */
function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new RangeError(`--${name}: expected a whole number, got "${text}"`);
}

/**
 * `npm run fuzz -- --seeds N [--from S]` plays N random migrations with random trouble; `--seed S`
 * replays one. It prints each failure with its seed, and then exits with code 1.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '1000' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
    },
  });
  const one = values.seed === undefined ? undefined : wholeNumber('seed', values.seed);
  const from = one ?? wholeNumber('from', values.from);
  const seeds = one === undefined ? wholeNumber('seeds', values.seeds) : 1;
  const clock = monotonicClock();
  const counts = new Map<string, number>();
  let failures = 0;
  let recoveredSeeds = 0;
  let recoveries = 0;
  for (let seed = from; seed < from + seeds; seed++) {
    const result = await fuzz(seed);
    const key = `${result.trouble}: ${result.outcome}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    if (result.recoveries > 0) recoveredSeeds++;
    recoveries += result.recoveries;
    if (result.wrongs.length > 0) {
      failures++;
      process.stdout.write(`seed ${seed}: ${result.wrongs.join('\n  ')}\n`);
    }
    if (process.stderr.isTTY && seed % 50 === 0) process.stderr.write(`\r${seed - from + 1} seeds`);
  }
  const seconds = clock.now() / 1e9;
  const rate = Math.round((seeds / seconds) * 60);
  process.stdout.write(`${seeds} seeds, ${failures} failures, ${rate} seeds a minute\n`);
  process.stdout.write(
    `${recoveredSeeds} seeds had ${recoveries} recoveries of a paused post-copy\n`,
  );
  for (const [key, count] of [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1)))
    process.stdout.write(`  ${key} ${count}\n`);
  return failures > 0 ? 1 : 0;
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
