import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { query } from '../dist/lab/sweep/duck.js';
import { recordOf, type RunRecord } from '../dist/lab/sweep/rows.js';
import { Store } from '../dist/lab/sweep/store.js';
import { writeTable } from '../dist/lab/sweep/table.js';
import { buildResult } from '../dist/result/build.js';
import { runVirtual } from '../dist/runtime/virtual/run.js';
import { loadScenarioText } from '../dist/scenario/load.js';
import { isToy, printTable } from './report.ts';

const RUNS = isToy ? 1000 : 100_000;
const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

const SCENARIO = `runtime: virtual
guest: { memory: 64MiB, backing: versions, workloads: [{ pattern: uniform, rate: 1000 }] }
link: { bandwidth: 1Gbit/s }
`;

const QUERIES = [
  'SELECT outcome, count(*), median(downtimeMs), median(totalTimeMs) FROM runs GROUP BY outcome',
  'SELECT guest_memoryBytes, link_bandwidthBytesPerSecond, median(downtimeMs) FROM runs GROUP BY ALL ORDER BY ALL',
  'SELECT * FROM runs ORDER BY downtimeMs DESC LIMIT 20',
];

/**
 * Makes a store of 100 000 runs through the code of stores, from the record of one real run, and times what is done with
 * it: opening, the table, and queries, of which each is made in this process first and then by a command of its own, the
 * start of the program included.
 */
export async function storeFigures(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pageferry-large-store-'));
  const rows = [[`a store of ${RUNS} runs`, 'ms', 'ms of CPU']];
  const time = async (what: string, act: () => unknown): Promise<void> => {
    const [startNs, cpu] = [process.hrtime.bigint(), process.cpuUsage()];
    await act();
    const ms = Number(process.hrtime.bigint() - startNs) / 1e6;
    const { user, system } = process.cpuUsage(cpu);
    rows.push([what, ms.toFixed(0), ((user + system) / 1000).toFixed(0)]);
  };
  try {
    const record = await aRecord();
    const store = Store.openToWrite(folder);
    await time('add all runs', () => {
      for (let i = 0; i < RUNS; i++) store.add(variant(record, i));
    });
    store.close();
    await time('open', () => Store.openToRead(folder));
    await time('make the table', () => writeTable(folder, store.records));
    for (const sql of QUERIES) {
      await time(sql, () => query(join(folder, 'runs.parquet'), sql));
      await time('the same by pageferry query', () => {
        execFileSync(process.execPath, [CLI, 'query', folder, sql], { stdio: 'ignore' });
      });
      // Another process did the work.
      rows.at(-1)![2] = '';
    }
    printTable('Stores', rows);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function aRecord(): Promise<RunRecord> {
  const { scenario, config } = loadScenarioText('store', SCENARIO);
  return recordOf('', 'store', buildResult(scenario, await runVirtual(config)), 1);
}

/** Returns the record of the i-th run of a grid of memory sizes, rates and links, with 50 seeds each. */
function variant({ label, scenario, result }: RunRecord, i: number): RunRecord {
  const point = Math.floor(i / 50);
  return {
    id: i.toString(16).padStart(32, '0'),
    label,
    scenario: {
      ...scenario,
      seed: 1 + (i % 50),
      guest_memory: `${64 * (1 + (point % 16))}MiB`,
      guest_workloads_0_rate: 1000 * (1 + (Math.floor(point / 80) % 25)),
      link_bandwidth: `${1 + (point % 10)}Gbit/s`,
    },
    result: {
      ...result,
      downtimeMs: 5 + ((i * 7919) % 1000) / 7,
      totalTimeMs: 1000 + ((i * 104_729) % 5000) / 3,
    },
  };
}
