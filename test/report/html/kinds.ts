import type { EvacuationResult } from '../../../src/fleet/evacuation/result-schema.ts';
import type { BenchOutcome } from '../../../src/lab/bench/outcome.ts';
import type { Change, CompareResult } from '../../../src/lab/compare/result.ts';
import type { Validation } from '../../../src/lab/validate/validate.ts';
import type { SettingAnswer, WhatIfResult } from '../../../src/lab/what-if/result.ts';
import type { RunResult } from '../../../src/result/schema.ts';

/** Results of the commands besides `run` and `sweep`, made up, as small as they can be. */

export function evacuationOf(run: RunResult): EvacuationResult {
  const guest = {
    name: 'web',
    source: 'old',
    target: 'new',
    outcome: 'completed' as const,
    waitingMs: 0,
    startMs: 0,
    endMs: run.totalTimeMs,
    wasForced: false,
    run,
  };
  return {
    schema: 'pageferry/evacuation@1',
    version: '1',
    scenario: {},
    runtime: 'virtual',
    clock: 'virtual',
    source: 'old',
    limits: { outgoing: 1, inBatches: false },
    emptied: false,
    makespanMs: run.totalTimeMs,
    outcomes: { completed: 1, cancelled: 0, diverged: 0, failed: 0, waiting: 1 },
    forced: 0,
    missedDeadlines: 1,
    downtimeMs: { sum: 5, median: 5, max: 5 },
    waitingMs: { mean: 10, max: 20 },
    bytes: 2 ** 24,
    timeline: { periodMs: 20, migrations: [1, 1, 0] },
    links: [
      {
        name: 'core',
        meanBytesPerSecond: 1e8,
        maxBytesPerSecond: 1.2e8,
        seriesBytesPerSecond: [1e8, 1.2e8, 0],
      },
    ],
    hosts: [{ name: 'old', meanCpus: 0.5, maxCpus: 1, seriesCpus: [1, 0.5, 0] }],
    guests: [
      guest,
      {
        name: 'db',
        source: 'old',
        outcome: 'waiting',
        waitingMs: 20,
        wasForced: false,
        missedDeadline: true,
      },
    ],
  };
}

export const VALIDATION: Validation = {
  runs: [1000, 4000].map((totalTimeMs, i) => ({
    id: `run-${i}`,
    counted: { time: true, transferred: true, downtime: i === 0, outcome: true },
    ...(i === 0 ? {} : { why: 'its downtime is no whole number' }),
    measured: {
      outcome: 'completed' as const,
      totalTimeMs,
      transferred: 1e8,
      normal: 1000,
      dirtySyncCount: 3,
      downtimeMs: 50,
    },
    predicted: {
      outcome: i === 0 ? ('completed' as const) : ('cancelled' as const),
      totalTimeMs: totalTimeMs * 1.1,
      transferred: 1e8,
      normal: 1000,
      dirtySyncCount: 3,
      downtimeMs: null,
    },
    errors: {
      outcome: i,
      totalTimeMs: 0.1,
      transferred: 0,
      normal: 0,
      dirtySyncCount: 0,
      downtimeMs: null,
    },
    fullDowntimeMs: null,
  })),
  skipped: [{ id: 'run-9', reason: 'it has multifd' }],
  summary: { totalTimeMs: { n: 2, median: 0.1, p90: 0.12, max: 0.12 } },
};

export const BENCH: BenchOutcome = {
  schema: 'pageferry/bench@1',
  version: '1',
  bench: 'dirty-log',
  options: { log: 'bitmap' },
  host: { node: 'v20', platform: 'linux', cpuModel: 'cpu', cpus: 2, memoryBytes: 1e9 },
  metrics: ['bitmap', 'ring'].map((of) => ({
    of,
    name: 'get',
    unit: 'us',
    better: 'less' as const,
    samples: [1, 2, 3, 4],
  })),
  distributions: [{ of: 'bitmap', name: 'fault', unit: 'us', counts: [0, 3, 9, 1] }],
  notes: ['one note'],
};

const change = (metric: string, share: number, verdict: 'better' | 'worse' | 'same'): Change => ({
  metric,
  before: { runs: 5, middle: 100, min: 90, max: 110 },
  after: { runs: 5, middle: 100 * (1 + share), min: 90, max: 210 },
  basis: 'samples',
  pairs: 0,
  difference: 100 * share,
  change: share,
  changeInterval: [share - 0.05, share + 0.05],
  cliffsDelta: 0.5,
  p: 0.01,
  verdict,
});

export const COMPARE: CompareResult = {
  schema: 'pageferry/compare@1',
  version: '1',
  of: 'runs',
  before: { sources: ['a.sweep'], runs: 10, versions: ['1'] },
  after: { sources: ['b.sweep'], runs: 10, versions: ['1'] },
  method: {
    threshold: 0.01,
    alpha: 0.05,
    interval: 'bootstrap percentile',
    resamples: 1999,
    seed: 1,
    test: 'permutation, two-sided, Holm',
    effect: "Cliff's delta",
  },
  differing: [],
  matchedBy: ['guest_memory'],
  ignored: [],
  metrics: [
    { name: 'downtimeMs', unit: 'ms', better: 'less' },
    { name: 'totalTimeMs', unit: 'ms', better: 'less' },
  ],
  summary: [
    {
      metric: 'downtimeMs',
      points: 2,
      better: 2,
      worse: 0,
      same: 0,
      unclear: 0,
      change: -0.5,
      changeInterval: [-0.6, -0.4],
      difference: -50,
      differenceRange: [-60, -40],
      verdict: 'better',
    },
    {
      metric: 'totalTimeMs',
      points: 2,
      better: 0,
      worse: 2,
      same: 0,
      unclear: 0,
      change: 0.2,
      changeInterval: [0.1, 0.3],
      difference: 20,
      differenceRange: [10, 30],
      verdict: 'worse',
    },
  ],
  points: ['1GiB', '2GiB'].map((memory) => ({
    scenario: { guest_memory: memory },
    runs: { before: 5, after: 5, pairs: 0 },
    outcomes: { before: { completed: 5 }, after: { completed: 5 } },
    changes: [change('downtimeMs', -0.5, 'better'), change('totalTimeMs', 0.2, 'worse')],
  })),
  onlyBefore: [],
  onlyAfter: [],
  notCompared: [],
  warnings: [],
  verdict: 'mixed',
};

const around = (median: number) => ({ low: median * 0.9, median, high: median * 1.2 });

const setting = (id: string, totalTimeMs: number, downtimeMs: number): SettingAnswer => ({
  id,
  title: `setting ${id}`,
  family: 'pre-copy',
  migration: {},
  timeoutMs: 60_000,
  runs: 4,
  completed: 4,
  verdict: 'converges',
  totalTimeMs: around(totalTimeMs),
  downtimeMs: around(downtimeMs),
  transferredBytes: around(1e9),
  slowdown: around(0.1),
  metGoal: 4,
  points: [],
});

export const WHAT_IF: WhatIfResult = {
  schema: 'pageferry/what-if@1',
  version: '1',
  answer: 'It converges.',
  sources: [{ name: '--dirty-rate', tool: 'flags', notes: [] }],
  facts: {
    memoryBytes: 2 ** 30,
    vcpus: 2,
    linkBytesPerSecond: 125e6,
    downtimeLimitMs: 300,
    rates: [{ source: 'given', bytesPerSecond: 4e7, periodMs: 1000 }],
  },
  trust: ['A dirty rate depends on its period.'],
  dirtyRateByPeriod: [100, 1000].map((periodMs) => ({ periodMs, bytesPerSecond: around(4e7) })),
  guests: [{ pattern: 'uniform', workingSetBytes: 2 ** 28, writesPerSecond: 1e4 }],
  seed: 1,
  scale: 1,
  settings: [
    setting('fast', 5000, 900),
    setting('gentle', 9000, 100),
    setting('bad', 9500, 950),
    {
      ...setting('never', 1, 1),
      completed: 0,
      verdict: 'does not converge',
      totalTimeMs: undefined,
      downtimeMs: undefined,
    } as unknown as SettingAnswer,
  ],
  goal: {
    maxDowntimeMs: 300,
    cheapest: 'gentle',
    leastBandwidth: [{ setting: 'gentle', bytesPerSecond: 1e8 }],
    tolerableDirtyRate: [],
  },
  words: {
    setting: 'gentle',
    programs: [{ program: 'QEMU', text: 'migrate_set_parameter downtime-limit 300' }],
  },
};
