import Benchmark from 'benchmark';
import { isToy, median } from './report.ts';

/**
 * Times pieces of code against each other. The machine is shared and its speed wanders, so the
 * contestants take turns in short cycles (A B, B A, A B, …) and the median cycle of each counts.
 */

// With decompilation, benchmark.js would compile functions again from their text, without their closures.
Benchmark.support.decompilation = false;

/** One piece of code that is timed. */
export interface Contestant {
  /** The code. A call must take microseconds at least, because the loop around it costs some 50 ns a call. */
  readonly run: () => void;
  /** Runs before each cycle and is not timed. */
  readonly setup?: () => void;
  /** Calls in a cycle, when a setup serves only so many; otherwise a cycle's time decides. */
  readonly calls?: number;
}

const CYCLES = isToy ? 3 : 11;
const CYCLE_SECONDS = isToy ? 0.0005 : 0.008;
/** V8 runs a WASM function in its slow tier until it has compiled the fast one in the background. */
const WARM_UP_SECONDS = isToy ? 0.002 : 0.06;

/** Measures the contestants in turns. Returns for each the seconds that a call takes. */
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
    // With these limits each run takes one sample of exactly `initCount` calls.
    minTime: 1e-9,
    minSamples: 1,
    maxTime: -1,
  });
}

/** Calls a contestant until V8 has compiled its fast tier; returns the seconds of its fastest call. */
function warmUp({ run, setup, calls = 1 }: Contestant): number {
  const start = performance.now();
  let perCall = Infinity;
  do {
    setup?.();
    const before = performance.now();
    for (let call = 0; call < calls; call++) run();
    perCall = Math.min(perCall, (performance.now() - before) / 1e3 / calls);
  } while (performance.now() - start < WARM_UP_SECONDS * 1e3);
  // The clock may not have moved, and the result must not be 0.
  return Math.max(perCall, 1e-7);
}

function secondsOf(bench: Benchmark): number {
  bench.run({ async: false });
  // benchmark.js catches an error of the code and keeps it here; its types lack this field.
  const { error } = bench as { error?: Error };
  if (error) throw error;
  return bench.stats.mean;
}
