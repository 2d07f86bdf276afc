import { LATENCY_BUCKETS } from '../../guest/faults.ts';
import { runThreads } from '../../runtime/threads/run.ts';
import { WorkerPool } from '../../runtime/threads/pool.ts';
import { loadScenarioText } from '../../scenario/load.ts';
import { choiceOf, countOf, countsOf, sizeOf, wrongOption } from './options.ts';
import {
  type Bench,
  type BenchContext,
  DiffersError,
  type Distribution,
  type Findings,
  type Metric,
} from './outcome.ts';

export const demandPagingBench: Bench = {
  name: 'demand-paging',
  about: 'post-copy faults: how many a second, and their latency, as demand_paging_test',
  options: [
    { flag: 'vcpus', value: 'list', about: 'vCPUs, one setting after the other', default: '1,2' },
    { flag: 'bytes', value: 'size', about: 'memory of each vCPU', default: '32MiB' },
    { flag: 'page-size', value: 'size', about: 'size of a page', default: '4KiB' },
    { flag: 'pattern', value: 'kind', about: 'sequential or random', default: 'sequential' },
    { flag: 'write-percent', value: 'n', about: 'accesses that write', default: '100' },
    { flag: 'latency', value: 'time', about: 'latency of the link, one way', default: '0s' },
    { flag: 'bandwidth', value: 'rate', about: 'bandwidth of the link', default: 'unlimited' },
    {
      flag: 'push',
      value: 'rate',
      about: 'rate of the push beside the faults; if it is low, nearly every page faults',
      default: '1MB/s',
    },
    { flag: 'iterations', value: 'n', about: 'migrations of each setting', default: '5' },
    { flag: 'seed', value: 'n', about: 'seed of the access streams', default: '1' },
  ],
  run: runDemandPaging,
};

async function runDemandPaging({ options, progress, metrics }: BenchContext): Promise<Findings> {
  const vcpuCounts = countsOf(options, 'vcpus', 1, 256);
  const iterations = countOf(options, 'iterations', 1, 10_000);
  const configs = vcpuCounts.map((vcpus) => ({ vcpus, config: configOf(options, vcpus) }));
  const pool = new WorkerPool(2 + 2 * Math.max(...vcpuCounts));
  const distributions: Distribution[] = [];
  try {
    for (const [index, { vcpus, config }] of configs.entries()) {
      const of = `${vcpus} ${vcpus === 1 ? 'vCPU' : 'vCPUs'}`;
      const samples: FaultSample[] = [];
      const counts = Array.from({ length: LATENCY_BUCKETS }, () => 0);
      for (let i = -1; i < iterations; i++) {
        const passes = iterations + 1;
        progress(of, index * passes + i + 1, configs.length * passes);
        const { sample, buckets } = await oneRun(config, pool);
        // V8 compiles during the first run in a pool's threads, so that run is not counted.
        if (i < 0) continue;
        samples.push(sample);
        buckets.forEach((count, bucket) => (counts[bucket]! += count));
      }
      metrics.push(...metricsOf(of, samples));
      distributions.push({ of, name: 'latency', unit: 'us', counts });
    }
  } finally {
    await pool.destroy();
  }
  return { metrics, distributions };
}

type Config = ReturnType<typeof configOf>;

function configOf(options: Readonly<Record<string, string>>, vcpus: number) {
  const pattern = choiceOf(options, 'pattern', ['sequential', 'random']);
  const writes = countOf(options, 'write-percent', 0, 100) / 100;
  const seed = countOf(options, 'seed', 0, 2 ** 32 - 1);
  const bytes = sizeOf(options, 'bytes');
  const workloads = Array.from({ length: vcpus }, (_, vcpu) => ({
    pattern: pattern === 'random' ? 'uniform' : pattern,
    rate: 'max',
    writes,
    vcpu,
    region: { start: vcpu * bytes, size: bytes },
  }));
  const scenario = {
    name: 'demand-paging',
    seed,
    guest: {
      memory: vcpus * bytes,
      pageSize: options['page-size'],
      vcpus,
      contents: [{ kind: 'random' }],
      workloads,
    },
    link: { bandwidth: options['bandwidth'], latency: options['latency'] },
    migration: {
      algorithm: 'postcopy',
      // The policy `qemu` would delay requested pages to its next 100 ms window, together with the push.
      policy: 'rounds',
      pageOrder: 'linear',
      postcopyBandwidth: options['push'],
      startAfter: '20ms',
      runAfter: '0s',
      timeout: '10min',
    },
  };
  return loadScenarioText('bench demand-paging', JSON.stringify(scenario)).config;
}

interface FaultSample {
  readonly perSecond: number;
  readonly faults: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly requestUs: number;
  /** CPU time of either engine for each fault; absent where the kernel does not say. */
  readonly sourceUs?: number;
  readonly destinationUs?: number;
}

async function oneRun(
  config: Config,
  pool: WorkerPool,
): Promise<{ sample: FaultSample; buckets: readonly number[] }> {
  const { source, guest, proof, engineCpuNs } = await runThreads(config, { pool });
  if (proof && !proof.ok) throw new DiffersError('the guest is not byte-exact');
  if (source.outcome !== 'completed' || proof?.ok !== true) {
    throw new Error(`a migration went wrong: ${source.error ?? 'it was not proved'}`);
  }
  const { faults } = guest;
  if (!faults || !source.running || source.postcopy?.presentNs === undefined) {
    throw wrongOption(
      'push',
      'no page faulted: push at a lower rate, or let vCPUs touch more pages',
    );
  }
  const seconds = (source.postcopy.presentNs - source.running.runningNs) / 1e9;
  return {
    sample: {
      perSecond: faults.count / seconds,
      faults: faults.count,
      p50Us: faults.latency.p50Ns / 1000,
      p99Us: faults.latency.p99Ns / 1000,
      requestUs: (faults.request ?? faults.latency).p50Ns / 1000,
      ...(engineCpuNs
        ? {
            sourceUs: engineCpuNs.source / 1000 / faults.count,
            destinationUs: engineCpuNs.destination / 1000 / faults.count,
          }
        : {}),
    },
    buckets: faults.latencyBuckets,
  };
}

function metricsOf(of: string, samples: readonly FaultSample[]): Metric[] {
  const series = (key: keyof FaultSample): number[] =>
    samples.flatMap((sample) => sample[key] ?? []);
  const us = { of, unit: 'us', better: 'less' as const };
  const engineMetrics: Metric[] = [
    { ...us, name: 'source CPU a fault', samples: series('sourceUs'), isFact: true },
    { ...us, name: 'target CPU a fault', samples: series('destinationUs'), isFact: true },
  ];
  return [
    { of, name: 'faults/s', unit: '1/s', better: 'more', samples: series('perSecond') },
    { ...us, name: 'latency p50', samples: series('p50Us') },
    { ...us, name: 'latency p99', samples: series('p99Us'), isFact: true },
    { ...us, name: 'request p50', samples: series('requestUs') },
    ...(samples[0]?.sourceUs === undefined ? [] : engineMetrics),
    { of, name: 'faults', unit: 'each', better: 'less', samples: series('faults'), isFact: true },
  ];
}
