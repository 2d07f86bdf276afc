import { monotonicClock } from '../../clock/monotonic.ts';
import type { RunConfig } from '../config.ts';
import type { RunReport } from '../report.ts';
import { WorkerPool } from '../threads/pool.ts';
import { recordHistory } from './history.ts';
import type { VirtualOptions } from './options.ts';
import { runVirtual } from './run.ts';

/** From this size on, threads that fill and compare memory save more time than their start costs. */
const POOLED_BYTES = 256 * 1024 * 1024;
const POOL_THREADS = 2;

/**
 * Makes a virtual run as users want it: threads fill and compare a big guest's memory, and the report has the guest's
 * dirty history and the time that the run took.
 */
export async function playVirtual(
  config: RunConfig,
  options: Pick<VirtualOptions, 'signal' | 'proofSignal' | 'onProgress'>,
): Promise<RunReport> {
  const { memoryBytes, backing } = config.guest;
  const isBig = memoryBytes >= POOLED_BYTES && backing !== 'versions';
  const pool = isBig ? new WorkerPool(POOL_THREADS) : undefined;
  try {
    const report = await runVirtual(config, {
      ...options,
      clock: monotonicClock(),
      ...(pool ? { runner: pool } : {}),
    });
    return await withHistory(config, report, options);
  } finally {
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
  { signal }: Pick<VirtualOptions, 'signal'>,
): Promise<RunReport> {
  const { source } = report;
  const isModelled = source.outcome === 'completed' && !source.postcopy && source.rounds.length > 1;
  if (!isModelled || config.guest.memoryBytes > HISTORY_BYTES) return report;
  // Steps are whole microseconds. If the model takes longer than the run did, it starts the history again.
  const stepNs = Math.ceil((source.endNs - source.startNs) / HISTORY_STEPS / 1000) * 1000;
  const history = await recordHistory(config, {
    stepNs,
    steps: HISTORY_STEPS,
    ...(signal ? { signal } : {}),
  });
  return { ...report, history };
}
