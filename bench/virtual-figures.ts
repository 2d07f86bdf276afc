import type { RunReport } from '../dist/runtime/report.js';
import { WorkerPool } from '../dist/runtime/threads/pool.js';
import { runThreads } from '../dist/runtime/threads/run.js';
import { runVirtual } from '../dist/runtime/virtual/run.js';
import { loadScenario } from '../dist/scenario/load.js';
import { isToy, median, printTable } from './report.ts';

const MIB = 1024 * 1024;

interface Case {
  readonly name: string;
  readonly sets: readonly string[];
}

/** Returns scenarios whose link is the bottleneck, so that the emulator's own time does not matter. */
function cases(): Case[] {
  const guests = [
    ['uniform', '{ pattern: uniform, rate: 4000, region: { start: 8MiB, size: 32MiB } }'],
    ['zipf', '{ pattern: zipf, rate: 20000, region: { start: 8MiB, size: 48MiB } }'],
    ['sequential', '{ pattern: sequential, rate: 3000, region: { start: 16MiB, size: 64MiB } }'],
    [
      'tick',
      '{ pattern: sequential, rate: 5000, tick: 10ms, region: { start: 16MiB, size: 24MiB } }',
    ],
    [
      'hotspot',
      '{ pattern: hotspot, hotPages: 0.1, hotAccesses: 0.9, rate: 8000, region: { size: 96MiB } }',
    ],
  ] as const;
  const migrations = [
    ['rounds', ['migration.policy=rounds', 'migration.rounds=4']],
    ['qemu', ['migration.policy=qemu', 'migration.downtimeLimit=100ms']],
    ['xen', ['migration.policy=xen']],
    ['post-copy', ['migration.algorithm=postcopy']],
  ] as const;
  return guests.flatMap(([guest, workload]) =>
    migrations.map(([migration, sets]) => ({
      name: `${guest}, ${migration}`,
      sets: [`guest.workloads=[${workload}]`, ...sets],
    })),
  );
}

const SHARED = [
  'guest.memory=128MiB',
  'guest.vcpus=1',
  'guest.contents=[{ kind: random, zeroShare: 0.1 }]',
  'link.bandwidth=400Mbit/s',
  'migration.startAfter=200ms',
  'migration.runAfter=50ms',
];

const bytesOf = ({ source }: RunReport): number =>
  source.precopyBytes + source.downtimeBytes + (source.postcopy?.bytes ?? 0);
const msOf = ({ source }: RunReport): number => (source.endNs - source.startNs) / 1e6;
const percent = (a: number, b: number): string => `${(100 * (a / b - 1)).toFixed(1)} %`;

/** Runs the same scenarios in both runtimes and prints how far their results agree. */
export async function agreement(): Promise<void> {
  const rows = [
    ['scenario', 'total ms', 'virtual', 'error', 'MiB', 'virtual', 'error', 'rounds', 'virtual'],
  ];
  const errors = { time: [] as number[], bytes: [] as number[], rounds: [] as number[] };
  const pool = new WorkerPool(4);
  try {
    for (const { name, sets } of isToy ? cases().slice(0, 1) : cases()) {
      const { config } = loadScenario('quick', [...SHARED, ...sets]);
      const threads = await runThreads(config, { pool });
      const virtual = await runVirtual({ ...config, runtime: 'virtual' });
      const [t, v] = [threads.source.rounds.length, virtual.source.rounds.length];
      errors.time.push(Math.abs(msOf(virtual) / msOf(threads) - 1));
      errors.bytes.push(Math.abs(bytesOf(virtual) / bytesOf(threads) - 1));
      errors.rounds.push(Math.abs(v / t - 1));
      rows.push([
        name,
        msOf(threads).toFixed(0),
        msOf(virtual).toFixed(0),
        percent(msOf(virtual), msOf(threads)),
        (bytesOf(threads) / MIB).toFixed(1),
        (bytesOf(virtual) / MIB).toFixed(1),
        percent(bytesOf(virtual), bytesOf(threads)),
        String(t),
        String(v),
      ]);
    }
  } finally {
    await pool.destroy();
  }
  printTable('Threads and virtual: 128 MiB, 1 vCPU, 400 Mbit/s', rows);
  const all = Object.entries(errors).map(
    ([what, list]) =>
      `${what} ${(100 * median(list)).toFixed(2)} % (worst ${(100 * Math.max(...list)).toFixed(1)} %)`,
  );
  console.log(`  median error: ${all.join(', ')}`);
}

/** Measures how much faster than real time a virtual run is; its set-up and proof are listed separately. */
export async function virtualSpeed(): Promise<void> {
  const head = ['scenario', 'virtual s', 'set-up s', 'run s', 'proof s', '× real time'];
  const rows = [[...head, 'events/s', 'runs/s, all in all']];
  const runs: [string, string[]][] = isToy
    ? [['quick', []]]
    : [
        ['quick', []],
        // By this second time V8 has compiled the code, as it has for the second run of a sweep.
        ['quick', []],
        ['quick', ['guest.backing=versions']],
        ['web-server', []],
        ['web-server', ['link.integrity=header']],
        ['web-server', ['guest.backing=versions']],
        ['redis', []],
        ['postcopy', []],
        ['mmuncher', []],
      ];
  const pool = new WorkerPool(2);
  const origin = process.hrtime.bigint();
  const clock = { now: () => Number(process.hrtime.bigint() - origin) };
  try {
    for (const [name, sets] of runs) {
      const { config } = loadScenario(name, ['runtime=virtual', ...sets]);
      const { wall, guest, source } = await runVirtual(config, { clock, runner: pool });
      const virtualNs = guest.endedNs - source.startNs;
      const times = [virtualNs, wall!.setUpNs, wall!.runNs, wall!.proofNs];
      rows.push([
        [name, ...sets].join(', '),
        ...times.map((ns) => (ns / 1e9).toFixed(2)),
        (virtualNs / wall!.runNs).toFixed(1),
        ((wall!.events * 1e9) / wall!.runNs).toPrecision(3),
        (1e9 / (wall!.setUpNs + wall!.runNs + wall!.proofNs)).toPrecision(3),
      ]);
    }
  } finally {
    await pool.destroy();
  }
  printTable('Virtual runtime: from the migration’s start to the end of the run', rows);
}
