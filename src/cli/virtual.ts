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
/** From here on, threads that fill memory and compare it are worth their start. */
const POOLED_BYTES = 256 * 1024 * 1024;
const POOL_THREADS = 2;

/** A virtual run with its progress on a terminal; a big guest's memory is filled and compared by threads. */
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

/** Steps of a history: a bitmap each. */
const HISTORY_STEPS = 200;
const HISTORY_BYTES = 4 * 1024 * 1024 * 1024;

/** A history for the model that needs one, of a pre-copy's guest; not of one too big to keep. */
async function withHistory(
  config: RunConfig,
  report: RunReport,
  signal: AbortSignal,
): Promise<RunReport> {
  const { source } = report;
  const isModelled = source.outcome === 'completed' && !source.postcopy && source.rounds.length > 1;
  if (!isModelled || config.guest.memoryBytes > HISTORY_BYTES) return report;
  // Whole microseconds: the model may well take longer than the run did, and begins anew then.
  const stepNs = Math.ceil((source.endNs - source.startNs) / HISTORY_STEPS / 1000) * 1000;
  const history = await recordHistory(config, { stepNs, steps: HISTORY_STEPS, signal });
  return { ...report, history };
}

/** Shows now and then how far a virtual run is, once it has taken a while. */
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
