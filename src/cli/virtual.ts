import { monotonicClock } from '../clock/monotonic.ts';
import type { RunConfig } from '../runtime/config.ts';
import type { RunReport } from '../runtime/report.ts';
import { WorkerPool } from '../runtime/threads/pool.ts';
import type { VirtualProgress } from '../runtime/virtual/options.ts';
import { recordHistory } from '../runtime/virtual/history.ts';
import { runVirtual } from '../runtime/virtual/run.ts';
import { formatSize } from '../units/size.ts';
import { formatMs } from './format.ts';

const PROGRESS_NS = 500e6;
/** From this size on, threads that fill and compare memory save more time than their start costs. */
const POOLED_BYTES = 256 * 1024 * 1024;
const POOL_THREADS = 2;

/** Makes a virtual run and shows its progress on a terminal. Threads fill and compare a big guest's memory. */
export async function playVirtual(
  config: RunConfig,
  signal: AbortSignal,
  isShown: boolean,
): Promise<RunReport> {
  const { memoryBytes, backing } = config.guest;
  const isBig = memoryBytes >= POOLED_BYTES && backing !== 'versions';
  const pool = isBig ? new WorkerPool(POOL_THREADS) : undefined;
  const isTerminal = isShown && process.stderr.isTTY;
  try {
    const report = await runVirtual(config, {
      signal,
      clock: monotonicClock(),
      onProgress: progress(isTerminal),
      ...(pool ? { runner: pool } : {}),
    });
    return await withHistory(config, report, signal);
  } finally {
    if (isTerminal) process.stderr.write('\r\x1b[2K');
    await pool?.destroy();
  }
}

/** How many steps a history has; each is a bitmap. */
const HISTORY_STEPS = 200;
/** Guests with more memory than this get no history, because its bitmaps would be too large. */
const HISTORY_BYTES = 4 * 1024 * 1024 * 1024;

/** Adds the guest's dirty history, which a model of pre-copy needs, to the report of a completed pre-copy. */
async function withHistory(
  config: RunConfig,
  report: RunReport,
  signal: AbortSignal,
): Promise<RunReport> {
  const { source } = report;
  const isModelled = source.outcome === 'completed' && !source.postcopy && source.rounds.length > 1;
  if (!isModelled || config.guest.memoryBytes > HISTORY_BYTES) return report;
  // Steps are whole microseconds. If the model takes longer than the run did, it starts the history again.
  const stepNs = Math.ceil((source.endNs - source.startNs) / HISTORY_STEPS / 1000) * 1000;
  const history = await recordHistory(config, { stepNs, steps: HISTORY_STEPS, signal });
  return { ...report, history };
}

/** Returns a function that shows, twice a second at most, how far a virtual run is. */
function progress(isShown: boolean): (progress: VirtualProgress) => void {
  const clock = monotonicClock();
  let shownNs = clock.now();
  return ({ nowNs, bytes, pagesLeft }) => {
    if (!isShown || clock.now() - shownNs < PROGRESS_NS) return;
    shownNs = clock.now();
    const text = `${formatMs(nowNs / 1e6)} of virtual time, ${formatSize(bytes)} sent, ${pagesLeft} pages left`;
    process.stderr.write(`\r\x1b[2K${text}`);
  };
}
