import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { buildResult } from '../dist/result/build.js';
import type { RunResult } from '../dist/result/schema.js';
import { runThreads } from '../dist/runtime/threads/run.js';
import { loadScenario } from '../dist/scenario/load.js';
import { isToy, median, printTable } from './report.ts';

/** These are the figures of post-copy, the diabolical guest and the big one, for `npm run acceptance`. */

/** Runs a scenario in threads. Throws when its guest is not proved. */
export async function run(name: string, sets: readonly string[]): Promise<RunResult> {
  const { scenario, config } = loadScenario(name, sets);
  const result = buildResult(scenario, await runThreads(config));
  if (result.verify?.ok !== true)
    throw new Error(`${name} was not proved: ${result.error} ${JSON.stringify(result.verify)}`);
  return result;
}

const small = isToy ? ['guest.memory=128MiB', 'guest.contents=[]'] : [];

/** Measures the downtime of the web server under post-copy, and what a fault costs. */
export async function postcopyFigures(): Promise<void> {
  for (const vcpus of isToy ? [1] : [1, 2]) {
    const head = ['post-copy', 'total ms', 'downtime ms', 'faults', 'p50 us', 'p90 us', 'p99 us'];
    const rows: string[][] = [[...head, 'blocked ms']];
    const medians: number[] = [];
    const downtimes: number[] = [];
    for (let i = 0; i < (isToy ? 1 : 5); i++) {
      const sets = [...small, 'migration.algorithm=postcopy', `guest.vcpus=${vcpus}`];
      const { faults, totalTimeMs, downtimeMs } = await run('web-server', sets);
      const latency = faults!.latencyUs!;
      medians.push(latency.p50);
      downtimes.push(downtimeMs!);
      rows.push([
        `run ${i + 1}`,
        totalTimeMs.toFixed(0),
        downtimeMs!.toFixed(2),
        String(faults!.count),
        latency.p50.toFixed(0),
        latency.p90.toFixed(0),
        latency.p99.toFixed(0),
        faults!.blockedMs.toFixed(0),
      ]);
    }
    printTable(`web-server, ${vcpus} vCPU(s), post-copy, 1 Gbit/s, 100 us`, rows);
    console.log(
      `  median of medians ${median(medians).toFixed(0)} us (2 × latency + page + 500 us = 733 us), ` +
        `downtime median ${median(downtimes).toFixed(2)} ms, longest ${Math.max(...downtimes).toFixed(2)} ms`,
    );
  }
}

/** Measures what each algorithm does to a guest that dirties pages faster than its link carries them. */
export async function diabolicalFigures(): Promise<void> {
  const head = ['diabolical', 'outcome', 'total s', 'downtime ms', 'sent MiB', 'faults'];
  const rows: string[][] = [[...head, 'blocked ms', 'guest during']];
  // Only the preset's own policy and algorithm take its number of rounds.
  const noRounds = 'migration.rounds=null';
  const ways = [
    ['stop-and-copy', 'migration.algorithm=stop-and-copy', noRounds],
    ['pre-copy, rounds', 'migration.algorithm=precopy'],
    ['pre-copy, qemu', 'migration.policy=qemu', noRounds, 'migration.timeout=20s'],
    ['hybrid', 'migration.algorithm=hybrid'],
    ['post-copy', 'migration.algorithm=postcopy', noRounds],
  ];
  for (const [name, ...sets] of ways) {
    const toy = isToy ? ['link.bandwidth=10Gbit/s', 'migration.timeout=3s'] : [];
    const result = await run('diabolical', [...sets, ...toy]);
    const { guest, totalTimeMs, downtimeMs, ram, faults } = result;
    const share = guest.accessesDuring / (totalTimeMs / 1000) / guest.achievedRate![0]!;
    rows.push([
      name!,
      result.outcome,
      (totalTimeMs / 1000).toFixed(2),
      downtimeMs === undefined ? '' : downtimeMs.toFixed(1),
      (ram.transferred / 2 ** 20).toFixed(0),
      faults ? String(faults.count) : '',
      faults ? faults.blockedMs.toFixed(0) : '',
      `${(share * 100).toFixed(0)} %`,
    ]);
  }
  printTable('512 MiB guest, 50 000 pages/s in turn over 128 MiB, 1 Gbit/s', rows);
}

/** Measures faults per second: a guest goes through its memory at full speed, with almost no push. */
export async function faultFigures(): Promise<void> {
  const rows: string[][] = [
    ['vCPUs', 'faults', 'faults/s', 'p50 us', 'p99 us', 'request to wake-up p50 us', 'p99 us'],
  ];
  for (const vcpus of [1, 2]) {
    const result = await run('quick', [
      `guest.memory=${isToy ? 16 : 256}MiB`,
      'guest.contents=[{ kind: random }]',
      `guest.vcpus=${vcpus}`,
      'guest.workloads=[{ pattern: sequential, rate: max }]',
      'link.bandwidth=unlimited',
      'link.latency=0s',
      'migration.algorithm=postcopy',
      // With the policy `qemu`, requested pages would wait for the next 100 ms window of so small a limit.
      'migration.policy=rounds',
      'migration.pageOrder=linear',
      'migration.postcopyBandwidth=1MB/s',
      'migration.timeout=60s',
    ]);
    const { count, latencyUs, requestLatencyUs } = result.faults!;
    rows.push([
      String(vcpus),
      String(count),
      (count / (result.resumeTimeMs! / 1000)).toFixed(0),
      latencyUs!.p50.toFixed(1),
      latencyUs!.p99.toFixed(0),
      requestLatencyUs!.p50.toFixed(1),
      requestLatencyUs!.p99.toFixed(0),
    ]);
  }
  printTable('demand faults on an unlimited link without latency', rows);
}

const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** Runs the built program in a process of its own. Returns the result and its peak resident memory. */
async function runAlone(
  args: readonly string[],
): Promise<{ result: RunResult; residentGiB: number }> {
  const child = spawn(process.execPath, [CLI, ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let residentGiB = 0;
  const timer = setInterval(() => {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    const kib = Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0);
    residentGiB = Math.max(residentGiB, kib / 2 ** 20);
  }, 200);
  const output = await text(child.stdout);
  clearInterval(timer);
  return { result: JSON.parse(output) as RunResult, residentGiB };
}

/** Measures a guest of 8 GiB, whose memory exists twice: at the source and at the destination. */
export async function bigFigures(): Promise<void> {
  const memory = isToy ? '256MiB' : '8GiB';
  const rows: string[][] = [
    ['algorithm', 'set-up s', 'total s', 'downtime ms', 'sent GiB', 'proof s', 'resident GiB'],
  ];
  for (const algorithm of ['precopy', 'postcopy']) {
    const sets = [
      `guest.memory=${memory}`,
      `guest.contents=[{ kind: random, zeroShare: 0.3 }]`,
      'guest.memslots=3',
      'link.bandwidth=10Gbit/s',
      `migration.algorithm=${algorithm}`,
    ];
    const { result, residentGiB } = await runAlone([
      'run',
      'web-server',
      ...sets.flatMap((set) => ['--set', set]),
    ]);
    if (result.verify?.ok !== true) throw new Error(`not proved: ${result.error}`);
    rows.push([
      algorithm,
      (result.prepareMs! / 1000).toFixed(1),
      (result.totalTimeMs / 1000).toFixed(2),
      result.downtimeMs!.toFixed(1),
      (result.ram.transferred / 2 ** 30).toFixed(2),
      (result.verify.durationMs! / 1000).toFixed(2),
      residentGiB.toFixed(2),
    ]);
  }
  printTable(`${memory} guest in three memslots, source and destination, 10 Gbit/s`, rows);
}
