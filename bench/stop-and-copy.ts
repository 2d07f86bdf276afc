import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { RunConfig } from '../dist/runtime/config.js';
import { COST_PROFILES } from '../dist/runtime/costs.js';
import { WorkerPool } from '../dist/runtime/threads/pool.js';
import { runThreads } from '../dist/runtime/threads/run.js';
import { isToy, median, printTable } from './report.ts';

/**
 * Measures a stop-and-copy without a rate limit, beside a plain memcpy of as many bytes in the same
 * process. The memory of both sides is touched before, and its contents are random. The first run of a
 * process, in which V8 still compiles parts of the engines, is what `pageferry run` makes.
 */

const MIB = 1024 * 1024;
const GUEST_BYTES = (isToy ? 64 : 1024) * MIB;
const REPEATS = isToy ? 1 : 7;
const RUNS = isToy ? 2 : 3;
const SCRIPT = fileURLToPath(import.meta.url);

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
      encodings: ['zero'],
    },
    verify: 'replay',
  };
}

type Integrity = 'header' | 'full';

interface Speeds {
  readonly memcpy: number;
  /** GB/s of each run of a process. */
  readonly runs: readonly number[];
}

/** Measures in this process, which `report` starts anew for each repetition: memory and compiled code are fresh. */
async function child(integrity: Integrity): Promise<Speeds> {
  const memcpy = memcpySpeed();
  const pool = new WorkerPool(4);
  const runs: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const { source, proof } = await runThreads(config(integrity), { pool });
    if (source.outcome !== 'completed' || proof?.ok !== true) throw new Error('a run went wrong');
    runs.push(GUEST_BYTES / (source.endNs - source.startNs));
  }
  await pool.destroy();
  return { memcpy, runs };
}

/** Returns the GB/s of one copy between two touched shared buffers whose offsets differ by a page. */
function memcpySpeed(): number {
  const from = new Uint8Array(new SharedArrayBuffer(GUEST_BYTES)).fill(1);
  const to = new Uint8Array(new SharedArrayBuffer(GUEST_BYTES + 4096), 4096).fill(2);
  const startNs = process.hrtime.bigint();
  to.set(from);
  return GUEST_BYTES / Number(process.hrtime.bigint() - startNs);
}

function report(): void {
  const memcpys: number[] = [];
  const series: { name: string; values: number[] }[] = [];
  for (const integrity of ['header', 'full'] as const) {
    const first = {
      name: `integrity ${integrity}, first run of a process`,
      values: [] as number[],
    };
    const later = { name: `integrity ${integrity}, later runs`, values: [] as number[] };
    for (let i = 0; i < REPEATS; i++) {
      const args = [SCRIPT, ...process.argv.slice(2), `--child=${integrity}`];
      const output = execFileSync(process.execPath, args, { encoding: 'utf8' });
      const { memcpy, runs } = JSON.parse(output) as Speeds;
      memcpys.push(memcpy);
      first.values.push(runs[0]!);
      later.values.push(...runs.slice(1));
    }
    series.push(first, later);
  }
  const reference = median(memcpys);
  printTable(`stop-and-copy of ${GUEST_BYTES / MIB} MiB, no limit, ${REPEATS} processes each`, [
    ['', 'median GB/s', 'least', 'most', 'of memcpy'],
    ...[{ name: 'memcpy (one thread)', values: memcpys }, ...series].map(({ name, values }) => [
      name,
      median(values).toFixed(2),
      Math.min(...values).toFixed(2),
      Math.max(...values).toFixed(2),
      (median(values) / reference).toFixed(2),
    ]),
  ]);
}

const childFlag = process.argv.find((argument) => argument.startsWith('--child='));
if (childFlag === undefined) report();
else console.log(JSON.stringify(await child(childFlag.slice('--child='.length) as Integrity)));
