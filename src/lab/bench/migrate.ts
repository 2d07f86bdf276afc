import { runThreads } from '../../runtime/threads/run.ts';
import { WorkerPool } from '../../runtime/threads/pool.ts';
import { runVirtual } from '../../runtime/virtual/run.ts';
import type { RunConfig } from '../../runtime/config.ts';
import type { RunReport } from '../../runtime/report.ts';
import { loadScenarioText } from '../../scenario/load.ts';
import { COMPARISONS, comparisonsLike } from './comparisons.ts';
import { choiceOf, countOf, rateOf, sizeOf, wrongOption } from './options.ts';
import {
  type Bench,
  type BenchContext,
  DiffersError,
  type Findings,
  type Metric,
} from './outcome.ts';

export const migrateBench: Bench = {
  name: 'migrate',
  about: "the comparisons of QEMU's guestperf, each scenario several times: totals and quartiles",
  options: [
    {
      flag: 'filter',
      value: 'glob',
      about: 'which comparison/scenario to run, with * and ?; --list names them',
      default: '*',
    },
    { flag: 'memory', value: 'size', about: 'memory of the guest', default: '256MiB' },
    {
      flag: 'vcpus',
      value: 'n',
      about: 'vCPUs of the guest; each writes its share of memory',
      default: '1',
    },
    {
      flag: 'dirty-rate',
      value: 'rate',
      about: 'rate at which all vCPUs together write pages, each counted whole',
      default: '200MB/s',
    },
    { flag: 'iterations', value: 'n', about: 'migrations of each scenario', default: '5' },
    {
      flag: 'timeout',
      value: 'time',
      about: 'time after which a migration gives up',
      default: '30s',
    },
    {
      flag: 'runtime',
      value: 'kind',
      about: 'threads, or virtual (once each)',
      default: 'threads',
    },
  ],
  run: runMigrate,
};

async function runMigrate({ options, clock, progress, metrics }: BenchContext): Promise<Findings> {
  const scenarios = comparisonsLike(options['filter']!);
  if (scenarios.length === 0) {
    const names = [...new Set(COMPARISONS.map(({ name }) => name.split('/')[0]!))];
    throw wrongOption('filter', `"${options['filter']}" names none of ${names.join('/…, ')}/…`);
  }
  const vcpus = countOf(options, 'vcpus', 1, 256);
  const runtime = choiceOf(options, 'runtime', ['threads', 'virtual']);
  const iterations = runtime === 'virtual' ? 1 : countOf(options, 'iterations', 1, 10_000);
  const text = baseScenario(options, vcpus);
  const configs = scenarios.map(({ name, sets }) => ({
    name,
    config: loadScenarioText('bench migrate', text, sets).config,
  }));
  const pool = new WorkerPool(runtime === 'virtual' ? 2 : 2 + 2 * vcpus);
  try {
    for (const [index, { name, config }] of configs.entries()) {
      const reports: RunReport[] = [];
      // V8 compiles during the very first migration, so that one is not counted.
      const isCold = runtime === 'threads' && metrics.length === 0;
      for (let i = isCold ? -1 : 0; i < iterations; i++) {
        const done = index * iterations + Math.max(0, i);
        progress(`${name}, ${i + 1} of ${iterations}`, done, configs.length * iterations);
        const report =
          runtime === 'virtual'
            ? await runVirtual(config, { clock, runner: pool })
            : await runThreads(config, { pool });
        checkProof(name, config, report);
        if (i >= 0) reports.push(report);
      }
      metrics.push(...metricsOf(name, reports));
    }
  } finally {
    await pool.destroy();
  }
  return { metrics };
}

/**
 * Returns the base scenario as JSON. As in guestperf's `stress`, each vCPU writes its share of memory
 * from end to end again and again, but here at a set rate.
 */
function baseScenario(options: Readonly<Record<string, string>>, vcpus: number): string {
  const memory = sizeOf(options, 'memory');
  const share = Math.floor(memory / vcpus / 4096) * 4096;
  const workloads = Array.from({ length: vcpus }, (_, vcpu) => ({
    pattern: 'sequential',
    rate: rateOf(options, 'dirty-rate') / 4096 / vcpus,
    vcpu,
    region: { start: vcpu * share, size: share },
  }));
  return JSON.stringify({
    name: 'guestperf',
    runtime: options['runtime'],
    guest: { memory, vcpus, contents: [{ kind: 'random' }], workloads },
    link: { latency: '10us' },
    migration: {
      algorithm: 'precopy',
      policy: 'rounds',
      startAfter: '100ms',
      runAfter: '0s',
      timeout: options['timeout'],
    },
  });
}

/** Throws unless the proof holds: a migration may diverge, but then the guest must be whole at the source. */
function checkProof(name: string, config: RunConfig, report: RunReport): void {
  const { source, proof } = report;
  const isSound = source.outcome === 'completed' || source.outcome === 'diverged';
  if (isSound && (config.verify === 'off' || proof?.ok === true)) return;
  if (proof && !proof.ok) throw new DiffersError(`${name}: the guest is not byte-exact`);
  throw new Error(`${name}: ${source.error ?? 'it was not proved'}`);
}

function metricsOf(of: string, reports: readonly RunReport[]): Metric[] {
  const done = reports.filter(({ source }) => source.outcome === 'completed');
  const series = (take: (report: RunReport) => number, from = reports): number[] => from.map(take);
  const ms = { of, unit: 'ms', better: 'less' as const };
  const totals = series(({ source }) => (source.endNs - source.startNs) / 1e6);
  const downtimes = series(({ source }) => downtimeNs(source) / 1e6, done);
  const bytes = series(({ source }) => source.linkBytes / 2 ** 20);
  return [
    { ...ms, name: 'total', samples: totals },
    ...(done.length > 0 ? [{ ...ms, name: 'downtime', samples: downtimes }] : []),
    { of, name: 'sent', unit: 'MiB', better: 'less', samples: bytes },
    {
      of,
      name: 'completed',
      unit: 'share',
      better: 'more',
      samples: series(({ source }) => (source.outcome === 'completed' ? 1 : 0)),
      isFact: true,
    },
  ];
}

function downtimeNs({ stop, running }: RunReport['source']): number {
  return running!.runningNs - stop.pauseAskedNs!;
}
