import { planMemory } from '../../guest/memory-plan.ts';
import { LanesError } from '../../guest/stream-plan.ts';
import { writePlan } from '../../guest/stream-record.ts';
import type { Workload } from '../../guest/workload.ts';
import { monotonicClock, monotonicOrigin } from '../../clock/monotonic.ts';
import type { DirtyLogKind } from '../../memory/dirty-logs/dirty-log.ts';
import { mapUnitOf } from '../../memory/dirty-logs/open.ts';
import { storedBytesOf } from '../../memory/layout.ts';
import { createSlot, openSlot, type SharedSlot } from '../../memory/memslot.ts';
import { TaskPool } from '../../runtime/threads/pool.ts';
import { nearestSizes } from '../../scenario/beyond.ts';
import { LogTrial } from './log-trial.ts';
import {
  checkMemory,
  choiceOf,
  choicesOf,
  countOf,
  pageSizeOf,
  sizeOf,
  wrongOption,
} from './options.ts';
import type { Bench, BenchContext, Findings, Metric } from './outcome.ts';
import type { BenchTasks } from './tasks.ts';

const LOGS = ['none', 'bitmap', 'bytemap', 'atomic', 'ring'] as const;
const MODES = ['get-and-clear', 'manual'] as const;

type Mode = (typeof MODES)[number];

interface Setting {
  readonly vcpus: number;
  readonly bytesPerVcpu: number;
  readonly pageSize: number;
  readonly backing: 'bytes' | 'versions';
  readonly writes: number;
  readonly pattern: 'sequential' | 'random';
  readonly overlap: boolean;
  readonly iterations: number;
  readonly warmup: number;
  readonly slots: number;
  readonly ringSize: number;
  readonly clearPages: number;
  readonly runsWhileDisabling: boolean;
  readonly seed: number;
}

export const dirtyLogBench: Bench = {
  name: 'dirty-log',
  about:
    'dirty logs phase by phase: populate, enable, dirty, get, clear, disable, as dirty_log_perf_test',
  options: [
    { flag: 'log', value: 'kinds', about: `some of ${LOGS.join(', ')}`, default: 'all' },
    { flag: 'mode', value: 'modes', about: `some of ${MODES.join(', ')}`, default: 'all' },
    { flag: 'vcpus', value: 'n', about: 'number of vCPUs', default: '1' },
    { flag: 'bytes', value: 'size', about: 'memory of each vCPU', default: '256MiB' },
    { flag: 'page-size', value: 'size', about: 'size of a page', default: '4KiB' },
    {
      flag: 'backing',
      value: 'kind',
      about: 'bytes, or versions: a write count stands for a page, so that very large guests fit',
      default: 'bytes',
    },
    { flag: 'write-percent', value: 'n', about: 'accesses that write', default: '100' },
    { flag: 'pattern', value: 'kind', about: 'sequential or random', default: 'sequential' },
    {
      flag: 'overlap',
      value: 'yes',
      about: 'all vCPUs go over all memory: yes or no',
      default: 'no',
    },
    { flag: 'iterations', value: 'n', about: 'passes that are timed', default: '50' },
    { flag: 'warmup', value: 'n', about: 'passes before them, not timed', default: '5' },
    { flag: 'slots', value: 'n', about: 'least number of memslots', default: '1' },
    { flag: 'ring-size', value: 'n', about: 'entries of a ring, a power of two', default: '65536' },
    { flag: 'clear-chunk', value: 'size', about: 'memory of one manual clear', default: '256MiB' },
    {
      flag: 'run-while-disabling',
      value: 'yes',
      about: 'vCPUs write while the log is stopped: yes or no',
      default: 'no',
    },
    { flag: 'seed', value: 'n', about: 'seed of the access streams', default: '1' },
  ],
  run: runDirtyLog,
};

async function runDirtyLog({ options, progress, metrics }: BenchContext): Promise<Findings> {
  const logs = choicesOf(options, 'log', LOGS);
  const modes = choicesOf(options, 'mode', MODES);
  const setting = settingOf(options);
  checkMemory('bytes', neededBytes(logs, setting));
  const memory = new Map<string, SharedSlot[]>();
  const pool = new TaskPool<BenchTasks>('lab/bench/worker.js', setting.vcpus);
  try {
    for (const [k, kind] of logs.entries()) {
      for (const [m, mode] of (kind === 'none' ? (['get-and-clear'] as const) : modes).entries()) {
        progress(`${kind}, ${mode}`, k * modes.length + m, logs.length * modes.length);
        const { plan, geometries } = planOf(kind, setting);
        const unit = mapUnitOf(kind);
        const slots = memory.get(unit) ?? geometries(0).map(createSlot);
        const isFresh = !memory.has(unit);
        memory.set(unit, slots);
        for (const slot of slots) writePlan(openSlot(slot), plan);
        const origin = monotonicOrigin();
        const trial = new LogTrial({
          kind,
          slots,
          plan,
          pool,
          origin,
          clock: monotonicClock(origin),
          ringSize: setting.ringSize,
          accesses: accessesOf(setting),
          clearPages: mode === 'manual' ? setting.clearPages : 0,
        });
        metrics.push(...(await trialMetrics(trial, kind, mode, setting, isFresh)));
      }
    }
  } finally {
    await pool.destroy();
  }
  return { metrics };
}

function settingOf(options: Readonly<Record<string, string>>): Setting {
  const yes = (flag: string): boolean => choiceOf(options, flag, ['yes', 'no']) === 'yes';
  const pageSize = pageSizeOf(options);
  const bytesPerVcpu = sizeOf(options, 'bytes');
  if (bytesPerVcpu < pageSize || bytesPerVcpu % pageSize !== 0) {
    throw wrongOption(
      'bytes',
      `expected whole pages such as ${nearestSizes(bytesPerVcpu, pageSize)}, got "${options['bytes']}"`,
    );
  }
  const ringSize = countOf(options, 'ring-size', 1024, 2 ** 24);
  if ((ringSize & (ringSize - 1)) !== 0) {
    throw wrongOption('ring-size', `expected a power of two, got "${ringSize}"`);
  }
  const clearChunk = sizeOf(options, 'clear-chunk');
  const clearPages = Math.floor(clearChunk / pageSize);
  if (clearPages < 32 || clearPages % 32 !== 0) {
    throw wrongOption(
      'clear-chunk',
      `expected a multiple of 32 pages, got "${options['clear-chunk']}"`,
    );
  }
  return {
    pageSize,
    bytesPerVcpu,
    ringSize,
    clearPages,
    backing: choiceOf(options, 'backing', ['bytes', 'versions']),
    vcpus: countOf(options, 'vcpus', 1, 256),
    writes: countOf(options, 'write-percent', 0, 100) / 100,
    pattern: choiceOf(options, 'pattern', ['sequential', 'random']),
    overlap: yes('overlap'),
    iterations: countOf(options, 'iterations', 1, 1_000_000),
    warmup: countOf(options, 'warmup', 0, 1_000_000),
    slots: countOf(options, 'slots', 1, 4096),
    runsWhileDisabling: yes('run-while-disabling'),
    seed: countOf(options, 'seed', 0, 2 ** 32 - 1),
  };
}

/** Bytes of guest memory that the bench needs: logs with a bit a page share one guest, `bytemap` has its own. */
function neededBytes(logs: readonly DirtyLogKind[], setting: Setting): number {
  const memories = new Set(logs.map(mapUnitOf)).size;
  const pages = pagesPerVcpu(setting) * setting.vcpus;
  return memories * pages * storedBytesOf(setting.backing, setting.pageSize);
}

const pagesPerVcpu = ({ bytesPerVcpu, pageSize }: Setting): number => bytesPerVcpu / pageSize;

/**
 * Accesses of one vCPU in a pass: a sequential pass touches each page that the vCPU can reach once; a
 * random pass makes as many accesses.
 */
const accessesOf = (setting: Setting): number =>
  pagesPerVcpu(setting) * (setting.overlap ? setting.vcpus : 1);

function planOf(dirtyLog: DirtyLogKind, setting: Setting): ReturnType<typeof planMemory> {
  const { vcpus, pageSize, backing, pattern, writes, overlap, slots, seed } = setting;
  const pages = pagesPerVcpu(setting);
  const common = {
    pattern: { kind: pattern === 'random' ? ('uniform' as const) : ('sequential' as const) },
    rate: Infinity,
    writes,
    wordsPerPage: 1,
    fromNs: 0,
    untilNs: Infinity,
  };
  const workloads: Workload[] = overlap
    ? [{ ...common, firstGfn: 0, pages: vcpus * pages }]
    : Array.from({ length: vcpus }, (_, vcpu) => ({
        ...common,
        vcpu,
        firstGfn: vcpu * pages,
        pages,
      }));
  const memoryBytes = vcpus * setting.bytesPerVcpu;
  try {
    const guest = { memoryBytes, pageSize, backing, vcpus, dirtyLog, memslots: slots, workloads };
    return planMemory(guest, seed);
  } catch (error) {
    if (error instanceof LanesError) throw wrongOption('vcpus', error.message);
    throw error;
  }
}

/** Times the phases of one log in one mode, and returns a metric for each phase. */
async function trialMetrics(
  trial: LogTrial,
  kind: DirtyLogKind,
  mode: Mode,
  setting: Setting,
  isFresh: boolean,
): Promise<Metric[]> {
  const of = kind === 'none' ? 'none' : `${kind}, ${mode}`;
  const phases = {
    enable: [],
    dirty: [],
    get: [],
    clear: [],
    'get again': [],
    disable: [],
  } as Record<Phase, number[]>;
  const { warmup, iterations, vcpus } = setting;
  const accesses = accessesOf(setting) * vcpus;
  const populateNs = await trial.pass();
  const counts: number[] = [];
  try {
    trial.warmUp();
    for (let i = -warmup; i < iterations; i++) {
      const iteration = await oneIteration(trial, kind, mode, setting);
      checkPages(iteration.pages, kind, setting);
      if (i < 0) continue;
      counts.push(iteration.pages);
      for (const phase of PHASES) {
        const ns = iteration.ns[phase];
        if (ns !== undefined) phases[phase].push(phase === 'dirty' ? ns / accesses : ns / 1000);
      }
    }
  } finally {
    await trial.end();
  }
  const stalls = trial.stalls();
  const metric = (name: Phase): Metric => ({
    of,
    name,
    unit: name === 'dirty' ? 'ns/access' : 'us',
    better: 'less',
    samples: phases[name],
  });
  return [
    ...(isFresh ? [populated(kind, populateNs / accesses)] : []),
    ...PHASES.filter((name) => phases[name].length > 0).map(metric),
    { of, name: 'pages', unit: 'found', better: 'more', samples: counts, isFact: true },
    ...(kind === 'ring'
      ? [
          {
            of,
            name: 'stalls',
            unit: 'waits',
            better: 'less',
            samples: [stalls],
            isFact: true,
          } as const,
        ]
      : []),
  ];
}

const PHASES = ['enable', 'dirty', 'get', 'clear', 'get again', 'disable'] as const;
type Phase = (typeof PHASES)[number];

/** The metric of the first pass, in which the host has to provide the memory that is touched. */
function populated(kind: DirtyLogKind, nsPerAccess: number): Metric {
  const of = mapUnitOf(kind) === 'byte' ? 'guest memory, a byte a page' : 'guest memory';
  return {
    of,
    name: 'populate',
    unit: 'ns/access',
    better: 'less',
    samples: [nsPerAccess],
    isFact: true,
  };
}

/** Makes one pass with the log on. Returns each phase's duration in ns and the pages that were found. */
async function oneIteration(
  trial: LogTrial,
  kind: DirtyLogKind,
  mode: Mode,
  { runsWhileDisabling }: Setting,
): Promise<{ ns: Partial<Record<Phase, number>>; pages: number }> {
  if (kind === 'none') return { ns: { dirty: await trial.pass() }, pages: 0 };
  const enable = trial.enable();
  const dirty = await trial.pass();
  const isMapped = kind !== 'ring';
  if (isMapped) trial.keepMarks();
  trial.target.clear();
  const got = trial.get();
  const clear = mode === 'manual' ? { clear: trial.clear() } : {};
  const again = isMapped ? { 'get again': getAgain(trial, got.pages) } : {};
  if (runsWhileDisabling) trial.begin();
  const disable = trial.disable();
  if (runsWhileDisabling) await trial.finish();
  return { ns: { enable, dirty, get: got.ns, disable, ...clear, ...again }, pages: got.pages };
}

/**
 * Times a second `get` of the same marks, made this time by this thread; returns ns. The first `get`
 * also waits for cache lines that the vCPU's core holds; this one is the harvest alone.
 */
function getAgain(trial: LogTrial, pages: number): number {
  trial.putBack();
  trial.target.clear();
  const again = trial.get();
  if (again.pages === pages) return again.ns;
  throw new Error(`the log found ${pages} pages, but ${again.pages} when they were marked again`);
}

/** Throws when the log found too few or too many pages: timings of a wrong log mean nothing. */
function checkPages(pages: number, kind: DirtyLogKind, setting: Setting): void {
  if (kind === 'none') return;
  const all = pagesPerVcpu(setting) * setting.vcpus;
  const isWhole = setting.pattern === 'sequential' && setting.writes === 1;
  const mostPages = setting.writes === 0 ? 0 : all;
  const isRight = isWhole ? pages === all : pages <= mostPages;
  if (!isRight) throw new Error(`the log ${kind} found ${pages} of ${all} pages`);
}
