import { COST_PROFILES, runThreads, WorkerPool } from '../dist/index.js';
import type { RunConfig } from '../dist/index.js';
import { isToy, median, printTable } from './report.ts';

/**
 * Unthrottled stop-and-copy through the wire format, beside a plain memcpy of as many bytes in the
 * same run: both sides prefaulted, contents incompressible.
 */

const MIB = 1024 * 1024;
const GUEST_BYTES = (isToy ? 64 : 1024) * MIB;
const REPEATS = isToy ? 1 : 5;

function config(integrity: 'header' | 'full'): RunConfig {
  const pages = GUEST_BYTES / 4096;
  return {
    seed: 1,
    runtime: 'threads',
    costs: COST_PROFILES.none,
    guest: {
      memoryBytes: GUEST_BYTES,
      pageSize: 4096,
      vcpus: 1,
      dirtyLog: 'none',
      dirtyRingSize: 4096,
      memslots: 1,
      contents: [{ firstGfn: 0, pages, kind: 'random', zeroShare: 0 }],
      workloads: [],
    },
    link: { bytesPerSecond: Infinity, latencyNs: 0, integrity },
    migration: {
      algorithm: 'stop-and-copy',
      policy: 'qemu',
      rounds: 1,
      postcopyAfter: 1,
      postcopyBytesPerSecond: Infinity,
      pageOrder: 'follow',
      maxBytesPerSecond: Infinity,
      strictRate: false,
      downtimeLimitNs: 300e6,
      startAfterNs: 20e6,
      runAfterNs: 0,
      timeoutNs: 60e9,
      zeroPages: true,
    },
    verify: 'replay',
  };
}

const pool = new WorkerPool(4);
const speeds = { memcpy: [] as number[], header: [] as number[], full: [] as number[] };
for (let repeat = 0; repeat < REPEATS; repeat++) {
  speeds.memcpy.push(memcpySpeed());
  for (const integrity of ['header', 'full'] as const) {
    const { source, proof } = await runThreads(config(integrity), { pool });
    if (source.outcome !== 'completed' || proof?.ok !== true) throw new Error('a run went wrong');
    speeds[integrity].push(GUEST_BYTES / (source.endNs - source.startNs));
  }
}
await pool.destroy();

const reference = median(speeds.memcpy);
printTable(`stop-and-copy of ${GUEST_BYTES / MIB} MiB, no limit, median of ${REPEATS}`, [
  ['', 'GB/s', 'each', 'of memcpy'],
  ...Object.entries(speeds).map(([name, values]) => [
    name === 'memcpy' ? 'memcpy (one thread)' : `integrity ${name}`,
    median(values).toFixed(2),
    values.map((value) => value.toFixed(2)).join(' '),
    (median(values) / reference).toFixed(2),
  ]),
]);

/** GB/s of one copy between two prefaulted shared buffers, skewed by a page. */
function memcpySpeed(): number {
  const from = new Uint8Array(new SharedArrayBuffer(GUEST_BYTES)).fill(1);
  const to = new Uint8Array(new SharedArrayBuffer(GUEST_BYTES + 4096), 4096).fill(2);
  const startNs = process.hrtime.bigint();
  to.set(from);
  return GUEST_BYTES / Number(process.hrtime.bigint() - startNs);
}
