import { readFileSync } from 'node:fs';
import { resolve as resolvePath } from 'node:path';
import { LanesError, planGuest, tableBytes } from '../guest/stream-plan.ts';
import { parseTrace, TraceError, type TraceFile, traceIntervals } from '../guest/trace.ts';
import type { Pattern, Workload } from '../guest/workload.ts';
import { MAX_SLOT_BYTES, slotLayout } from '../memory/layout.ts';
import type { RunConfig } from '../runtime/config.ts';
import { MIB } from '../units/brand.ts';
import { parseDuration } from '../units/duration.ts';
import { parseRate } from '../units/rate.ts';
import { formatSize, parseSize } from '../units/size.ts';
import type { Problem } from './check.ts';
import type { Scenario, ScenarioWorkload } from './schema.ts';

/** A scenario that can't be run here; `path` says which key is to blame. */
export class ResolveError extends Error {
  override readonly name = 'ResolveError';
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.sentence);
    this.problem = problem;
  }
}

interface Region {
  readonly firstGfn: number;
  readonly pages: number;
}

/**
 * The numbers of a checked scenario: traces read (relative to `folder`), units gone. Throws
 * ResolveError for a trace that can't be used, lanes that don't fit, or memory that isn't there.
 */
export function resolveScenario(
  scenario: Scenario,
  folder: string,
  availableBytes: number,
): RunConfig {
  const { guest, link, migration } = scenario;
  const pageSize = parseSize(guest.pageSize);
  const memoryBytes = parseSize(guest.memory);
  const regionOf = (
    region: { start: string | number; size: string | number } | undefined,
  ): Region =>
    region
      ? { firstGfn: parseSize(region.start) / pageSize, pages: parseSize(region.size) / pageSize }
      : { firstGfn: 0, pages: memoryBytes / pageSize };
  checkAvailable(memoryBytes, availableBytes);
  const config: RunConfig = {
    seed: scenario.seed,
    guest: {
      memoryBytes,
      pageSize,
      vcpus: guest.vcpus,
      dirtyLog: guest.dirtyLog,
      contents: guest.contents.map(({ region, kind, zeroShare }) => ({
        ...regionOf(region),
        kind,
        zeroShare,
      })),
      workloads: guest.workloads.map((workload, index) =>
        resolveWorkload(workload, index, regionOf(workload.region), scenario, folder, pageSize),
      ),
    },
    link: {
      bytesPerSecond: parseRate(link.bandwidth),
      latencyNs: parseDuration(link.latency),
      integrity: link.integrity,
    },
    migration: {
      algorithm: migration.algorithm,
      policy: migration.policy,
      rounds: migration.rounds,
      maxBytesPerSecond:
        migration.maxBandwidth === undefined ? Infinity : parseRate(migration.maxBandwidth),
      strictRate: migration.strictRate,
      downtimeLimitNs: parseDuration(migration.downtimeLimit),
      startAfterNs: parseDuration(migration.startAfter),
      runAfterNs: parseDuration(migration.runAfter),
      timeoutNs: parseDuration(migration.timeout),
      zeroPages: migration.encodings.includes('zero'),
    },
    verify: scenario.verify,
  };
  checkSlot(config);
  return config;
}

const LARGEST_PAGE = 2 * MIB;

/** Two guests and what the runtime itself needs. */
const RUNTIME_BYTES = 512 * 1024 * 1024;

function checkAvailable(memoryBytes: number, availableBytes: number): void {
  if (2 * memoryBytes + RUNTIME_BYTES <= availableBytes) return;
  throw new ResolveError({
    path: ['guest', 'memory'],
    sentence:
      `source and destination of ${formatSize(memoryBytes)} and the runtime need ` +
      `${formatSize(2 * memoryBytes + RUNTIME_BYTES)}, this machine has ${formatSize(availableBytes)} ` +
      'free: choose a smaller guest',
  });
}

function checkSlot(config: RunConfig): void {
  const { guest } = config;
  const pages = guest.memoryBytes / guest.pageSize;
  try {
    const plan = planGuest(guest.workloads, guest.vcpus, guest.pageSize, config.seed);
    const { totalBytes } = slotLayout({
      pages,
      pageSize: guest.pageSize,
      writers: guest.vcpus + 1,
      streams: plan.streams.length + guest.vcpus,
      tableBytes: tableBytes(plan),
      skewPages: 1,
    });
    if (totalBytes <= MAX_SLOT_BYTES) return;
    const control = totalBytes - guest.memoryBytes;
    const most = Math.floor((MAX_SLOT_BYTES - control) / LARGEST_PAGE) * LARGEST_PAGE;
    throw new ResolveError({
      path: ['guest', 'memory'],
      sentence:
        `a guest has one memslot of at most 4 GiB, of which ${formatSize(control)} are needed ` +
        `for dirty maps and tables: choose at most ${most / MIB}MiB`,
    });
  } catch (error) {
    if (!(error instanceof LanesError)) throw error;
    throw new ResolveError({ path: ['guest', 'workloads'], sentence: error.message });
  }
}

function resolveWorkload(
  workload: ScenarioWorkload,
  index: number,
  region: Region,
  scenario: Scenario,
  folder: string,
  pageSize: number,
): Workload {
  const isTrace = workload.pattern === 'trace';
  const tick = isTrace ? undefined : workload.tick;
  return {
    ...region,
    pattern: resolvePattern(workload, index, region, scenario, folder, pageSize),
    rate: isTrace || workload.rate === 'max' ? Infinity : workload.rate,
    writes: isTrace ? 1 : workload.writes,
    wordsPerPage: workload.wordsPerPage,
    ...(workload.vcpu === undefined ? {} : { vcpu: workload.vcpu }),
    ...(tick === undefined ? {} : { tickNs: parseDuration(tick) }),
    fromNs: parseDuration(workload.from),
    untilNs: workload.until === undefined ? Infinity : parseDuration(workload.until),
  };
}

function resolvePattern(
  workload: ScenarioWorkload,
  index: number,
  region: Region,
  scenario: Scenario,
  folder: string,
  pageSize: number,
): Pattern {
  const { pages } = region;
  switch (workload.pattern) {
    case 'zipf':
      return { kind: 'zipf', theta: workload.theta };
    case 'hotspot': {
      const hotPages = Math.min(pages, Math.max(1, Math.round(workload.hotPages * pages)));
      // With every page hot there is no cold page to draw.
      return hotPages === pages
        ? { kind: 'uniform' }
        : { kind: 'hotspot', hotPages, hotAccesses: workload.hotAccesses };
    }
    case 'stride':
      return { kind: 'stride', stridePages: parseSize(workload.stride) / pageSize };
    case 'trace': {
      const path = ['guest', 'workloads', index, 'trace'];
      const { file, touched, speed, end } = workload.trace;
      const read = (key: 'file' | 'touched', name: string): TraceFile =>
        readTrace(folder, name, [...path, key], pageSize, pages);
      const dirty = read('file', file);
      const loads = touched === undefined ? undefined : read('touched', touched);
      if (loads && !areAlike(dirty, loads)) {
        const sentence = `${touched!} has other intervals than ${file}: both come from one run`;
        throw new ResolveError({ path: [...path, 'touched'], sentence });
      }
      const intervals = traceIntervals(dirty, scenario.seed, loads);
      return { kind: 'trace', intervals, speed, end };
    }
    default:
      return { kind: workload.pattern };
  }
}

function readTrace(
  folder: string,
  file: string,
  path: Problem['path'],
  pageSize: number,
  pages: number,
): TraceFile {
  try {
    const trace = parseTrace(readFileSync(resolvePath(folder, file)));
    const sentence = misfit(trace, pageSize, pages);
    if (sentence === undefined) return trace;
    throw new ResolveError({ path, sentence: `${file} ${sentence}` });
  } catch (error) {
    if (error instanceof TraceError) {
      throw new ResolveError({ path, sentence: `${file} ${error.message}` });
    }
    const code = (error as NodeJS.ErrnoException).code;
    if (code === undefined) throw error;
    const reason = code === 'ENOENT' ? 'is not there' : `can't be read (${code})`;
    throw new ResolveError({ path, sentence: `${resolvePath(folder, file)} ${reason}` });
  }
}

/** Why a trace does not fit its region; looks at the runs alone, which may stand for any number of pages. */
function misfit(trace: TraceFile, pageSize: number, pages: number): string | undefined {
  if (trace.pageSize !== pageSize) {
    return `was taken with pages of ${trace.pageSize} bytes, the guest's have ${pageSize}`;
  }
  let accesses = 0;
  for (const runs of trace.runs) {
    for (let i = 0; i < runs.length; i += 2) {
      const end = runs[i]! + runs[i + 1]!;
      if (end > pages) return `names page ${end - 1}, the region has ${pages} pages`;
      accesses += runs[i + 1]!;
    }
  }
  const room = MAX_SLOT_BYTES / Uint32Array.BYTES_PER_ELEMENT;
  return accesses > room ? `makes ${accesses} accesses, a memslot has room for ${room}` : undefined;
}

function areAlike(a: TraceFile, b: TraceFile): boolean {
  return a.intervalMs === b.intervalMs && a.runs.length === b.runs.length;
}
