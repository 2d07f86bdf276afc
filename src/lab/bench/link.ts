import { monotonicClock, monotonicOrigin } from '../../clock/monotonic.ts';
import { MAX_RING_BYTES, mostBytesPerSecond, ringBytes } from '../../link/capacity.ts';
import { createRing, giveBackRing } from '../../link/ring.ts';
import { Doorbell } from '../../memory/doorbell.ts';
import { othersTurn } from '../../runtime/common/others-turn.ts';
import { TaskPool } from '../../runtime/threads/pool.ts';
import { formatBitRate } from '../../units/rate.ts';
import { formatSize } from '../../units/size.ts';
import { MAX_FRAME_BYTES } from '../../wire/limits.ts';
import { countOf, durationNsOf, ratesOf, sizeOf, sizesOf, wrongOption } from './options.ts';
import type { Bench, BenchContext, Findings, Metric } from './outcome.ts';
import type { BenchTasks } from './tasks.ts';

/** The least number of frames that a cell (one rate with one frame size) moves, whatever its rate. */
const LEAST_FRAMES = 8;

export const linkBench: Bench = {
  name: 'link',
  about:
    'frames over a link from one thread to another: GB/s and error of the rate, by rate and frame',
  options: [
    {
      flag: 'rates',
      value: 'rates',
      about: 'bandwidths of the link',
      default: '1Gbit/s,5Gbit/s,10Gbit/s,unlimited',
    },
    { flag: 'frames', value: 'sizes', about: 'sizes of a frame', default: '4KiB,64KiB,128KiB' },
    { flag: 'bytes', value: 'size', about: 'most bytes sent per iteration', default: '512MiB' },
    {
      flag: 'duration',
      value: 'time',
      about: 'time to send per iteration, where the link is limited',
      default: '300ms',
    },
    { flag: 'iterations', value: 'n', about: 'times that each pair is timed', default: '5' },
  ],
  run: runLink,
};

const PIECE_BYTES = 16 * 1024 * 1024;

interface Cell {
  readonly bytesPerSecond: number;
  readonly frameBytes: number;
  readonly frames: number;
  /** The sender's memory and the receiver's. */
  readonly memories: readonly [SharedArrayBuffer, SharedArrayBuffer];
}

async function runLink({ options, progress, metrics }: BenchContext): Promise<Findings> {
  const rates = ratesOf(options, 'rates');
  const sizes = sizesOf(options, 'frames');
  const mostBytes = sizeOf(options, 'bytes');
  const seconds = durationNsOf(options, 'duration') / 1e9;
  const iterations = countOf(options, 'iterations', 1, 10_000);
  for (const size of sizes) {
    if (size >= 256 && size % 64 === 0 && size <= MAX_FRAME_BYTES) continue;
    const limits = `256 to ${MAX_FRAME_BYTES}, whole multiples of 64`;
    throw wrongOption('frames', `expected frames of ${limits}, got ${size}`);
  }
  const pageSize = Math.max(4096, ...sizes);
  const most = mostBytesPerSecond(0, pageSize, false);
  for (const rate of rates) {
    if (rate <= most || rate === Infinity) continue;
    const limit = `a ring in real time holds at most ${formatSize(MAX_RING_BYTES)}`;
    const sentence = `${formatBitRate(rate)} is more than ${formatBitRate(most)}, since ${limit}: lower it, or take unlimited`;
    throw wrongOption('rates', sentence);
  }
  const memories = await prefaulted(Math.min(mostBytes, 256 * 1024 * 1024));
  const pool = new TaskPool<BenchTasks>('lab/bench/worker.js', 2);
  metrics.push(await memcpySpeed(memories, iterations));
  try {
    for (const [r, bytesPerSecond] of rates.entries()) {
      for (const [f, frameBytes] of sizes.entries()) {
        const wanted = Math.min(mostBytes, bytesPerSecond * seconds);
        const frames = Math.max(LEAST_FRAMES, Math.ceil(wanted / frameBytes));
        const cell = { bytesPerSecond, frameBytes, frames, memories };
        const show = (what: string): void =>
          progress(what, r * sizes.length + f, rates.length * sizes.length);
        metrics.push(...(await cellMetrics(pool, cell, iterations, show)));
      }
    }
  } finally {
    await pool.destroy();
  }
  return { metrics };
}

/**
 * Returns two buffers whose memory the host has provided. The second is a page longer, and used from
 * its second page on: copies between equal offsets modulo 1 GiB run at half the speed.
 */
async function prefaulted(bytes: number): Promise<[SharedArrayBuffer, SharedArrayBuffer]> {
  const sides: SharedArrayBuffer[] = [];
  for (const filler of [1, 2]) {
    const memory = new SharedArrayBuffer(bytes + 4096 * filler);
    const view = new Uint8Array(memory);
    // The rest of the program, such as signals, has its turn between two pieces.
    for (let at = 0; at < view.length; at += PIECE_BYTES) {
      await othersTurn();
      view.fill(filler, at, at + PIECE_BYTES);
    }
    sides.push(memory);
  }
  return sides as [SharedArrayBuffer, SharedArrayBuffer];
}

/** Measures a plain copy of the same memory by one thread, as a reference. */
async function memcpySpeed(
  [from, to]: readonly [SharedArrayBuffer, SharedArrayBuffer],
  iterations: number,
): Promise<Metric> {
  const clock = monotonicClock();
  const source = new Uint8Array(from);
  const target = new Uint8Array(to, 4096, source.length);
  const samples: number[] = [];
  for (let i = 0; i < iterations; i++) {
    await othersTurn();
    const startNs = clock.now();
    target.set(source);
    samples.push(source.length / (clock.now() - startNs));
  }
  return { of: 'memcpy', name: 'speed', unit: 'GB/s', better: 'more', samples, isFact: true };
}

async function cellMetrics(
  pool: TaskPool<BenchTasks>,
  cell: Cell,
  iterations: number,
  progress: (what: string) => void,
): Promise<Metric[]> {
  const { bytesPerSecond, frameBytes, frames } = cell;
  const of = `${formatBitRate(bytesPerSecond)}, frames of ${formatSize(frameBytes)}`;
  const speeds: number[] = [];
  for (let i = -1; i < iterations; i++) {
    progress(of);
    const ns = await moveFrames(pool, cell);
    // V8 compiles during the first pass, so that one is not counted.
    if (i >= 0) speeds.push((frames * frameBytes) / ns);
  }
  const speed: Metric = { of, name: 'speed', unit: 'GB/s', better: 'more', samples: speeds };
  if (bytesPerSecond === Infinity) return [speed];
  const errors = speeds.map(
    (gbPerSecond) => 100 * Math.abs(gbPerSecond / (bytesPerSecond / 1e9) - 1),
  );
  return [
    speed,
    { of, name: 'error of the rate', unit: '%', better: 'less', samples: errors, isFact: true },
  ];
}

/** Moves a cell's frames. Returns the ns from the first frame's begin to the last one's copy at the receiver. */
async function moveFrames(pool: TaskPool<BenchTasks>, cell: Cell): Promise<number> {
  const { bytesPerSecond, frameBytes, frames, memories } = cell;
  const capacity = ringBytes(bytesPerSecond, 0, Math.max(4096, frameBytes))!;
  const forward = createRing(capacity);
  const backward = createRing(64 * 1024);
  const ends = {
    doorbells: new SharedArrayBuffer(2 * Doorbell.WORDS * 4),
    bytesPerSecond,
    frameBytes,
    frames,
    clockOrigin: monotonicOrigin(),
  };
  const [sent, received] = await Promise.all([
    pool.run('send', { ...ends, outgoing: forward, incoming: backward, memory: memories[0] }),
    pool.run('receive', { ...ends, outgoing: backward, incoming: forward, memory: memories[1] }),
  ]);
  // Without this, V8 would keep the rings of all cells, because it doesn't know how much memory they take.
  for (const ring of [backward, forward]) giveBackRing(ring);
  return received.endNs - sent.startNs;
}
