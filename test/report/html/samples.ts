import type { RunRecord } from '../../../src/lab/sweep/rows.ts';
import type { Report } from '../../../src/report/html/model.ts';
import { reportOf } from '../../../src/report/html/of-result.ts';
import { sweepReport } from '../../../src/report/html/sweep/report.ts';
import type { RunResult } from '../../../src/result/schema.ts';
import { buildResult } from '../../../src/result/build.ts';
import { loadScenarioText } from '../../../src/scenario/load.ts';
import { committed } from '../../support/papers.ts';
import { comparison, judgement } from '../../support/comparison.ts';
import { hostResult } from './host-result.ts';
import { BENCH, COMPARE, evacuationOf, VALIDATION, WHAT_IF } from './kinds.ts';
import { protectedGuest, smallFleet } from './lives.ts';
import { runVirtual } from '../../../src/runtime/virtual/run.ts';

/** A name that ends a script and begins an element, if a page writes it as it is. */
export const HOSTILE = `</script><script>globalThis.isBroken = true</script><img src="x" onerror='alert(1)'> & "quoted"`;

/** Makes a small run in virtual time whose scenario has a hostile name. */
export async function sampleRun(migration: object = {}): Promise<RunResult> {
  const { scenario, config } = loadScenarioText('sample', sampleText(migration));
  return buildResult(scenario, await runVirtual(config));
}

const sampleText = (migration: object): string =>
  JSON.stringify({
    name: HOSTILE,
    runtime: 'virtual',
    guest: {
      memory: '16MiB',
      contents: [{ kind: 'random' }],
      workloads: [{ pattern: 'uniform', rate: 20_000, region: { start: 0, size: '8MiB' } }],
    },
    migration: {
      policy: 'qemu',
      downtimeLimit: '5ms',
      startAfter: '200ms',
      runAfter: '200ms',
      ...migration,
    },
  });

/** Makes a run, and returns as well when the samples of its guest really began, in ms since the migration's start. */
export async function timelineStart(): Promise<{ result: RunResult; startMs: number }> {
  const { scenario, config } = loadScenarioText('sample', sampleText({}));
  const report = await runVirtual(config);
  const { guest, source } = report;
  const startMs = (guest.timeline[0]!.ns - source.startNs) / 1e6;
  return { result: buildResult(scenario, report), startMs };
}

/** Returns the record of a run of a sweep, with a downtime that its bandwidth and its seed make. */
export function sweepRecord(
  gbit: number,
  seed: number,
  facts: { algorithm?: string; rate?: number; outcome?: string } = {},
): RunRecord {
  const { algorithm = 'precopy', rate = 1000, outcome = 'completed' } = facts;
  const isCompleted = outcome === 'completed';
  return {
    id: `${gbit}-${seed}-${algorithm}-${rate}`,
    label: 'web',
    scenario: {
      name: HOSTILE,
      seed,
      guest_memory: '1GiB',
      guest_workloads_0_rate: rate,
      link_bandwidth: `${gbit}Gbit/s`,
      migration_algorithm: algorithm,
    },
    result: {
      outcome,
      totalTimeMs: 8000 / gbit + seed,
      ...(isCompleted
        ? { downtimeMs: 100 / gbit + seed }
        : { error: `no convergence: ${HOSTILE}` }),
      rounds: 3,
      ram_transferred: 2 ** 30,
    },
  };
}

/** Returns the runs of a sweep over bandwidths, algorithms and seeds, of which some did not complete. */
export const sampleRecords = (): RunRecord[] =>
  [0.5, 1, 10].flatMap((gbit) =>
    ['precopy', 'postcopy'].flatMap((algorithm) =>
      [1, 2, 3].map((seed) =>
        sweepRecord(gbit, seed, {
          algorithm,
          ...(gbit < 1 && algorithm === 'precopy' ? { outcome: 'diverged' } : {}),
        }),
      ),
    ),
  );

/** Makes a report of each kind. */
export async function sampleReports(): Promise<Readonly<Record<string, Report>>> {
  const precopy = await sampleRun({ recordPages: true });
  const postcopy = await sampleRun({
    algorithm: 'hybrid',
    policy: undefined,
    downtimeLimit: undefined,
    recordPages: true,
  });
  return {
    precopy: reportOf(precopy),
    postcopy: reportOf(postcopy),
    sweep: sweepReport({ name: HOSTILE, records: sampleRecords(), file: `# ${HOSTILE}` }),
    evacuation: reportOf(evacuationOf(precopy)),
    host: reportOf(hostResult(HOSTILE)),
    protection: reportOf(await protectedGuest(HOSTILE, { killAt: '2s', spares: 1 })),
    fleet: reportOf(await smallFleet(HOSTILE)),
    validation: reportOf(VALIDATION),
    paper: reportOf(committed('akoush-bounds')),
    bench: reportOf(BENCH),
    runs: reportOf({ schema: 'pageferry/bench-runs@1', runs: [BENCH, BENCH, BENCH, BENCH, BENCH] }),
    versions: reportOf(comparison([judgement(), judgement({ name: 'put', verdict: 'same' })])),
    compare: reportOf(COMPARE),
    'what-if': reportOf(WHAT_IF),
    list: reportOf([COMPARE, COMPARE]),
  };
}
