import { monotonicClock } from '../clock/monotonic.ts';
import type { RunConfig } from '../runtime/config.ts';
import type { RunReport } from '../runtime/report.ts';
import { WorkerPool } from '../runtime/threads/pool.ts';
import type { VirtualProgress } from '../runtime/virtual/options.ts';
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
    return await runVirtual(config, {
      signal,
      clock: monotonicClock(),
      onProgress: progress(isTerminal),
      ...(pool ? { runner: pool } : {}),
    });
  } finally {
    if (isTerminal) process.stderr.write('\r\x1b[2K');
    await pool?.destroy();
  }
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
