import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildRestore } from '../dist/result/snapshot.js';
import { restoreThreads } from '../dist/runtime/threads/snapshot/restore.js';
import { saveThreads } from '../dist/runtime/threads/snapshot/save.js';
import { loadScenarioText } from '../dist/scenario/load.js';
import { SnapshotChain } from '../dist/snapshot/reader.js';
import { isToy, median, printTable } from './report.ts';

const MEMORY_MIB = isToy ? 32 : 512;
const ROUNDS = isToy ? 1 : 3;

/** A guest of random bytes, so that no page is zero; the workload is one that needs some of its pages at once. */
const scenarioOf = (memoryMiB: number, workloads: string): string => `runtime: threads
verify: off
guest:
  memory: ${memoryMiB}MiB
  vcpus: 1
  contents: [{ kind: random }]
  workloads: [${workloads}]
migration: { startAfter: ${isToy ? '50ms' : '300ms'}, runAfter: ${isToy ? '200ms' : '3s'}, policy: rounds, rounds: 1 }
`;
const IDLE = '{ pattern: uniform, rate: 1 }';
const BUSY = `{ pattern: zipf, theta: 0.9, rate: 20000, region: { size: ${MEMORY_MIB / 16}MiB } }`;

const loaded = (workloads: string) => loadScenarioText('files', scenarioOf(MEMORY_MIB, workloads));

const GIB = 1024 ** 3;
const timed = (act: () => void): number => {
  const startNs = process.hrtime.bigint();
  act();
  return Number(process.hrtime.bigint() - startNs) / 1e6;
};

/** Has the system forget what it has cached of a file, so that the next read goes to the disk. */
const forget = (file: string): void => {
  execFileSync('dd', [`if=${file}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' });
};

/** Measures saves and restores beside `cp` of the same bytes to and from the same disk in the same run. */
export const fileFigures = (): Promise<void> => inFolder(speeds);

/** Measures how soon a guest runs, and runs at full speed, when its pages come first, as asked for, or as recorded. */
export const lazyFigures = (): Promise<void> => inFolder(restores);

async function inFolder(act: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'pageferry-files-'));
  try {
    await act(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

interface Way {
  readonly name: string;
  readonly run: () => number | Promise<number>;
}

/** Lets every way have its turn in each round, and prints the medians; `cp` is the first one. */
async function contest(title: string, ways: readonly Way[]): Promise<void> {
  const times = new Map(ways.map(({ name }) => [name, [] as number[]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, run } of ways) times.get(name)!.push(await run());
  }
  const cpMs = median(times.get(ways[0]!.name)!);
  const bytes = MEMORY_MIB * 1024 * 1024;
  const rows = [[title, 'ms', 'GB/s', 'of cp']];
  for (const [name, own] of times) {
    const ms = median(own);
    rows.push([name, ms.toFixed(0), (bytes / ms / 1e6).toFixed(2), (cpMs / ms).toFixed(2)]);
  }
  printTable(`${(bytes / GIB).toFixed(2)} GiB, medians of ${ROUNDS}`, rows);
}

async function speeds(folder: string): Promise<void> {
  const file = join(folder, 'guest');
  const copy = join(folder, 'copy');
  const { config, scenario } = loaded(IDLE);
  const save = async (
    path: string,
    mode: 'offline' | 'live',
    channels: number,
    direct: boolean,
  ) => {
    const request = { path, mode, channels, direct, scenario };
    const { end } = await saveThreads(config, request);
    if (end.outcome !== 'completed') throw new Error(end.error);
    return (end.endNs - end.startNs) / 1e6;
  };
  await save(file, 'offline', 1, false);
  const plain = ['--reflink=never', '--sparse=never'];
  const saves: Way[] = [
    {
      name: 'cp and fsync',
      run: () =>
        timed(() => {
          execFileSync('cp', [...plain, file, copy]);
          execFileSync('sync', [copy]);
        }),
    },
  ];
  for (const direct of isToy ? [true] : [false, true]) {
    for (const channels of isToy ? [2] : [1, 2, 4]) {
      const name = `save, ${channels} channel${channels > 1 ? 's' : ''}${direct ? ', direct' : ''}`;
      saves.push({ name, run: () => save(copy, 'offline', channels, direct) });
    }
  }
  saves.push({ name: 'save live, 2 channels, direct', run: () => save(copy, 'live', 2, true) });
  await contest('save', saves);
  const restore = async (channels: number): Promise<number> => {
    forget(file);
    const chain = new SnapshotChain(file);
    const eager = { isLazy: false, prefetch: [], recordNs: 0, channels };
    const { presentNs } = await restoreThreads(shortLived(config), chain, eager);
    chain.close();
    return presentNs! / 1e6;
  };
  const reads: Way[] = [
    {
      name: 'cp to memory (/dev/shm)',
      run: () => {
        forget(file);
        const inMemory = join('/dev/shm', `pageferry-copy-${process.pid}`);
        const ms = timed(() => execFileSync('cp', [...plain, file, inMemory]));
        rmSync(inMemory);
        return ms;
      },
    },
  ];
  for (const channels of isToy ? [2] : [1, 2]) {
    const name = `restore, ${channels} channel${channels > 1 ? 's' : ''}`;
    reads.push({ name, run: () => restore(channels) });
  }
  await contest('restore, nothing cached', reads);
  const bytes = statSync(file).blocks * 512;
  console.log(
    `  the file takes ${(bytes / MEMORY_MIB / 1024 ** 2).toFixed(4)} of the guest's memory`,
  );
}

/** Returns a configuration whose guest lives for a moment only after its restore. */
const shortLived = <Config extends { readonly migration: object }>(config: Config): Config => ({
  ...config,
  migration: { ...config.migration, runAfterNs: 50e6 },
});

async function restores(folder: string): Promise<void> {
  const path = join(folder, 'guest');
  const { config, scenario } = loaded(BUSY);
  await saveThreads(config, { path, mode: 'offline', channels: 1, direct: false, scenario });
  const restore = async (isLazy: boolean, prefetch: readonly number[], recordNs = 0) => {
    forget(path);
    const chain = new SnapshotChain(path);
    const request = { isLazy, prefetch, recordNs, channels: 1 };
    const report = await restoreThreads(config, chain, request);
    const { runningMs, firstAccessMs, fullSpeedMs, presentMs, faults } = buildRestore(
      scenario,
      chain,
      report,
    );
    chain.close();
    const latencyUs = faults?.latencyUs?.mean;
    return {
      recorded: report.recorded ?? [],
      cells: [runningMs, firstAccessMs, fullSpeedMs, presentMs, faults?.count, latencyUs],
    };
  };
  const { recorded } = await restore(true, [], isToy ? 50e6 : 1e9);
  const ways: readonly [string, () => ReturnType<typeof restore>][] = [
    ['all pages first', () => restore(false, [])],
    ['lazily', () => restore(true, [])],
    [`lazily, working set of ${recorded.length} pages first`, () => restore(true, recorded)],
  ];
  const rows = [
    [
      'restore of a guest that makes 20 000 accesses a second',
      'runs',
      'first access',
      'full speed',
      'all pages',
      'faults',
      'mean us',
    ],
  ];
  const cells = new Map(ways.map(([name]) => [name, [] as (number | undefined)[][]]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, act] of ways) cells.get(name)!.push((await act()).cells);
  }
  for (const [name, all] of cells) {
    const medians = all[0]!.map((_, i) => all.map((row) => row[i]).filter((v) => v !== undefined));
    rows.push([name, ...medians.map((v) => (v.length > 0 ? median(v).toFixed(0) : ''))]);
  }
  printTable(`ms, medians of ${ROUNDS}, nothing cached`, rows);
}
