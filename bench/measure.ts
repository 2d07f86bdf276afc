import Benchmark from 'benchmark';
import { isToy, median } from './report.ts';

/**
 * Times pieces of code against each other. The machine is shared and its speed wanders, so the
 * contestants take turns in short cycles (A B, B A, A B, …) and the median cycle of each counts.
 */

// With decompilation benchmark.js would compile functions anew, without their closures.
Benchmark.support.decompilation = false;

/** One contestant. */
export interface Contestant {
  /** What is timed. Takes microseconds at least: the loop around it costs some 50 ns a call. */
  readonly run: () => void;
  /** Done before each cycle, not timed. */
  readonly setup?: () => void;
  /** Calls in a cycle, when a setup serves only so many; else as many as fill a cycle's time. */
  readonly calls?: number;
}

const CYCLES = isToy ? 3 : 11;
const CYCLE_SECONDS = isToy ? 0.0005 : 0.008;
/** V8 runs a WASM function in its slow tier until the fast one, made in the background, is ready. */
const WARM_UP_SECONDS = isToy ? 0.002 : 0.06;

/** Seconds that a call takes, for each contestant. */
export function measure(
  contestants: readonly Contestant[],
  cycles: number = CYCLES,
): readonly number[] {
  const benches = contestants.map((contestant) => toBenchmark(contestant));
  const samples = benches.map(() => [] as number[]);
  for (let cycle = 0; cycle < cycles; cycle++) {
    const order = benches.map((_, index) => index);
    if (cycle % 2 === 1) order.reverse();
    for (const index of order) samples[index]!.push(secondsOf(benches[index]!));
  }
  return samples.map((sample) => median(sample));
}

function toBenchmark(contestant: Contestant): Benchmark {
  const perCall = warmUp(contestant);
  return new Benchmark(contestant.run, {
    ...(contestant.setup ? { setup: contestant.setup } : {}),
    initCount: contestant.calls ?? Math.max(1, Math.round(CYCLE_SECONDS / perCall)),
    // One sample of exactly that many calls a run.
    minTime: 1e-9,
    minSamples: 1,
    maxTime: -1,
  });
}

/** Calls it until it is compiled well; returns the seconds of a late call. */
function warmUp({ run, setup, calls = 1 }: Contestant): number {
  const start = performance.now();
  let perCall = Infinity;
  do {
    setup?.();
    const before = performance.now();
    for (let call = 0; call < calls; call++) run();
    perCall = Math.min(perCall, (performance.now() - before) / 1e3 / calls);
  } while (performance.now() - start < WARM_UP_SECONDS * 1e3);
  // Never 0: the clock may not have moved.
  return Math.max(perCall, 1e-7);
}

function secondsOf(bench: Benchmark): number {
  bench.run({ async: false });
  // The types leave it undefined only before a run; an error of the code is kept there.
  const { error } = bench as { error?: Error };
  if (error) throw error;
  return bench.stats.mean;
}
