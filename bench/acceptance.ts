import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import {
  bigFigures,
  diabolicalFigures,
  faultFigures,
  postcopyFigures,
  run,
} from './postcopy-figures.ts';
import { maxFigures } from './max-figures.ts';
import { evacuationAgreement, evacuationSpeed } from './evacuation-figures.ts';
import { fileFigures, lazyFigures } from './file-figures.ts';
import { isToy, median, printTable } from './report.ts';
import { sharingFigures } from './sharing-figures.ts';
import { storeFigures } from './store-figures.ts';
import { agreement, virtualSpeed } from './virtual-figures.ts';

/** Measures the figures that the docs quote: `npm run acceptance [-- --only rates,web,…]`. */

const only = /--only[= ](\S+)/.exec(process.argv.join(' '))?.[1]?.split(',');
const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/** The latency of the preset's link, one way. */
const LATENCY_MS = 0.1;

async function webServer(): Promise<void> {
  const rows: string[][] = [
    [
      'web-server',
      'total ms',
      'bytes ÷ link ms',
      'error',
      'downtime ms',
      'sum of parts',
      'blackout ms',
      'difference',
      'queued ms',
      'own ms',
    ],
  ];
  const differences: number[] = [];
  const errors: number[] = [];
  const own: number[] = [];
  for (let i = 0; i < (isToy ? 1 : 5); i++) {
    const sets = isToy ? ['guest.memory=128MiB', 'guest.contents=[]'] : [];
    const result = await run('web-server', sets);
    const { totalTimeMs, downtimeMs, blackoutMs, downtimeParts } = result;
    const idealMs = (result.link.bytes / 125e6) * 1000;
    const sum = Object.values(downtimeParts!).reduce((a, b) => a + b, 0);
    differences.push(blackoutMs! - downtimeMs!);
    errors.push(totalTimeMs / idealMs - 1);
    // The downtime includes two latencies, of the last page and of the RUN frame, which can't be avoided.
    const bytesMs = (result.ram.downtimeBytes / 125e6) * 1000;
    own.push(downtimeMs! - bytesMs - result.queuedAtPauseMs! - 2 * LATENCY_MS);
    rows.push([
      `run ${i + 1}`,
      totalTimeMs.toFixed(0),
      idealMs.toFixed(0),
      `${(errors.at(-1)! * 100).toFixed(2)} %`,
      downtimeMs!.toFixed(2),
      sum.toFixed(2),
      blackoutMs!.toFixed(2),
      differences.at(-1)!.toFixed(2),
      result.queuedAtPauseMs!.toFixed(2),
      own.at(-1)!.toFixed(2),
    ]);
  }
  printTable('1 GiB, 2 vCPUs, 20 000 page writes/s over 64 MiB, 1 Gbit/s', rows);
  console.log(
    `  median: total ${(median(errors) * 100).toFixed(2)} % over bytes ÷ link, blackout − downtime ${median(differences).toFixed(2)} ms, the engines’ own share of the downtime (beyond bytes, queue and two latencies) ${median(own).toFixed(2)} ms`,
  );
}

async function rates(): Promise<void> {
  const rows: string[][] = [['rate', 'configured /s', 'achieved /s', 'error', 'CPU of the vCPU']];
  for (const rate of isToy ? [1000] : [100, 1000, 10_000, 100_000, 1_000_000, 10_000_000]) {
    const start = process.cpuUsage();
    const seconds = isToy ? 0.2 : 2;
    const result = await run('quick', [
      'guest.vcpus=1',
      'guest.memory=64MiB',
      'guest.contents=[]',
      `guest.workloads=[{ pattern: uniform, rate: ${rate} }]`,
      `migration.startAfter=${seconds}s`,
      'migration.runAfter=0s',
      'migration.algorithm=stop-and-copy',
    ]);
    const cpu = process.cpuUsage(start);
    const achieved = result.guest.achievedRate![0]!;
    rows.push([
      'uniform',
      String(rate),
      achieved.toFixed(0),
      `${((achieved / rate - 1) * 100).toFixed(2)} %`,
      `${(((cpu.user + cpu.system) / 1e6 / seconds) * 100).toFixed(0)} % with set-up`,
    ]);
  }
  printTable('configured access rates, one vCPU', rows);
  const links: string[][] = [['link', 'vCPUs busy', 'achieved Gbit/s', 'error']];
  for (const gbit of isToy ? [1] : [1, 5, 10]) {
    for (const busy of [0, 1]) {
      const workloads = busy === 0 ? '[]' : '[{ pattern: uniform, rate: max }]';
      const memory = isToy ? 16 : 1024;
      const result = await run('quick', [
        'guest.vcpus=1',
        `guest.memory=${memory}MiB`,
        `guest.contents=[{ kind: random }]`,
        `guest.workloads=${workloads}`,
        `link.bandwidth=${gbit}Gbit/s`,
        'migration.policy=rounds',
        'migration.rounds=1',
        'migration.startAfter=100ms',
        'migration.runAfter=0s',
        'migration.timeout=60s',
      ]);
      const round = result.rounds[0]!;
      const achieved = (round.bandwidthBytesPerSecond! * 8) / 1e9;
      links.push([
        `${gbit} Gbit/s`,
        String(busy),
        achieved.toFixed(3),
        `${((achieved / gbit - 1) * 100).toFixed(2)} %`,
      ]);
    }
  }
  printTable('link rate over a live round', links);
}

/** Runs `quick` many times while other processes keep both CPUs busy. No run may hang or lose its guest. */
async function underLoad(): Promise<void> {
  const load = [0, 1].map(() => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
  const counts = { proved: 0, other: 0, hung: 0 };
  const times: number[] = [];
  try {
    for (let i = 0; i < (isToy ? 1 : 20); i++) {
      const startMs = Number(process.hrtime.bigint()) / 1e6;
      const code = await exitCode(['run', 'quick', '--json', '-q'], 120_000);
      times.push(Number(process.hrtime.bigint()) / 1e6 - startMs);
      if (code === undefined) counts.hung++;
      else if (code === 0) counts.proved++;
      else counts.other++;
    }
  } finally {
    for (const child of load) child.kill('SIGKILL');
  }
  printTable('quick under CPU load from two other processes', [
    ['runs', 'completed and proved', 'ended otherwise', 'hung', 'median s'],
    [
      String(times.length),
      String(counts.proved),
      String(counts.other),
      String(counts.hung),
      (median(times) / 1000).toFixed(1),
    ],
  ]);
  if (counts.proved !== times.length) process.exitCode = 1;
}

function exitCode(args: readonly string[], timeoutMs: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [CLI, ...args], { stdio: 'ignore' });
    const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve(code ?? undefined);
    });
  });
}

const parts = {
  rates,
  web: webServer,
  quick: underLoad,
  max: maxFigures,
  postcopy: postcopyFigures,
  diabolical: diabolicalFigures,
  faults: faultFigures,
  big: bigFigures,
  agree: agreement,
  virtual: virtualSpeed,
  evacuate: evacuationAgreement,
  forty: evacuationSpeed,
  store: storeFigures,
  files: fileFigures,
  lazy: lazyFigures,
  sharing: sharingFigures,
};
for (const [name, part] of Object.entries(parts)) {
  if (!only || only.includes(name)) await part();
}
