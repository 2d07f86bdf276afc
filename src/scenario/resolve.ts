import { accessSync, constants, statSync } from 'node:fs';
import { resolveDevices } from '../guest/devices/resolve.ts';
import { planMemory } from '../guest/memory-plan.ts';
import type { PlanSize } from '../guest/plan-size.ts';
import { LanesError } from '../guest/stream-plan.ts';
import { patternNamed } from '../guest/patterns/registry.ts';
import type { Pattern, Workload } from '../guest/workload.ts';
import { type Contents, isCompressed } from '../memory/contents/contents.ts';
import { resolveMigration } from '../migration/spec/resolve.ts';
import type { Outage, RunConfig } from '../runtime/config.ts';
import { parseAllowance, parseDuration } from '../units/duration.ts';
import { parseRate } from '../units/rate.ts';
import { MAX_CONTROL_BYTES } from '../wire/limits.ts';
import { formatSize, parseSize } from '../units/size.ts';
import { withOwnKinds } from './own-kinds.ts';
import { ResolveError } from './resolve-error.ts';
import { resolveCosts } from './costs.ts';
import { type FolderOf, locateFile } from './files.ts';
import { resolveManager } from './memory-manager.ts';
import type { Scenario, ScenarioContents, ScenarioWorkload } from './schema.ts';
import { TraceReader } from './traces.ts';

export { ResolveError };

/** The size of a hinted block by default: on x86, Linux hints blocks of order MAX_ORDER - 1 (virtio_balloon.c). */
const HINT_BLOCK_BYTES = 4 * 1024 * 1024;

interface Region {
  readonly firstGfn: number;
  readonly pages: number;
}

/**
 * Turns a checked scenario into the numbers that a runtime takes, and reads its traces. Paths are relative to
 * `folder`, which may differ from key to key. Throws ResolveError when a trace, an image or a module can't be used, when the words of the streams do
 * not fit a page, or when the guest needs more memory than `availableBytes`. Scenarios that are kept in memory together
 * share `traces`, which bounds the accesses of their traces.
 */
export function resolveScenario(
  scenario: Scenario,
  folder: string | FolderOf,
  availableBytes: number,
  traces = new TraceReader(),
): RunConfig {
  const { guest, link, migration } = scenario;
  const folderOf = typeof folder === 'string' ? (): string => folder : folder;
  const pageSize = parseSize(guest.pageSize);
  const memoryBytes = parseSize(guest.memory);
  const regionOf = (
    region: { start: string | number; size: string | number } | undefined,
  ): Region =>
    region
      ? { firstGfn: parseSize(region.start) / pageSize, pages: parseSize(region.size) / pageSize }
      : { firstGfn: 0, pages: memoryBytes / pageSize };
  checkBacking(scenario);
  checkAvailable(guest, { memoryBytes, pageSize }, availableBytes);
  const config: RunConfig = {
    seed: scenario.seed,
    runtime: scenario.runtime,
    costs: resolveCosts(scenario.costs),
    guest: {
      memoryBytes,
      pageSize,
      vcpus: guest.vcpus,
      dirtyLog: guest.dirtyLog,
      backing: guest.backing,
      dirtyRingSize: guest.dirtyRingSize,
      ...(guest.clearChunk === undefined
        ? {}
        : { clearChunkPages: parseSize(guest.clearChunk) / pageSize }),
      memslots: guest.memslots,
      contents: guest.contents.map((contents, index) =>
        resolveContents(contents, index, regionOf(contents.region), folderOf, pageSize),
      ),
      workloads: guest.workloads.map((workload, index) =>
        resolveWorkload(workload, index, regionOf(workload.region), scenario, {
          folderOf,
          pageSize,
          traces,
        }),
      ),
      ...(guest.memoryManager
        ? {
            memoryManager: {
              ...resolveManager(guest.memoryManager, pageSize),
              ...hintsOf(migration, pageSize),
            },
          }
        : {}),
      ...devicesOf(guest),
      ...(guest.lruScan === undefined ? {} : { lruScanNs: parseDuration(guest.lruScan) }),
    },
    link: {
      bytesPerSecond: parseRate(link.bandwidth),
      latencyNs: parseDuration(link.latency),
      integrity: link.integrity,
      ...(parseSize(link.sendBuffer) === 0 ? {} : { sendBufferBytes: parseSize(link.sendBuffer) }),
      ...(link.outages.length > 0 ? { outages: link.outages.map(resolveOutage) } : {}),
    },
    migration: withOwnKinds(
      resolveMigration(migration, guest),
      { pages: memoryBytes / pageSize, pageSize },
      parseRate(link.bandwidth),
      folderOf,
    ),
    verify: scenario.verify,
  };
  checkLanes(config);
  return config;
}

/** Returns the size of the blocks that the guest hints as free, if it does: an order of the buddy allocator. */
function hintsOf({ freePageHints, freePageHintBlock }: Scenario['migration'], pageSize: number) {
  if (freePageHints !== true) return {};
  const bytes = freePageHintBlock === undefined ? HINT_BLOCK_BYTES : parseSize(freePageHintBlock);
  return { hintBlockPages: Math.max(1, bytes / pageSize) };
}

/** A guest without devices has no such key, so that its migration sends nothing about them. */
function devicesOf({ deviceProfile = 'none', devices = [] }: Scenario['guest']) {
  const specs = resolveDevices(deviceProfile, devices);
  return specs.length > 0 ? { devices: specs } : {};
}

/** An outage without a duration never ends. */
function resolveOutage(outage: Scenario['link']['outages'][number]): Outage {
  const forNs = outage.for === undefined ? Infinity : parseDuration(outage.for);
  return { afterNs: parseDuration(outage.after), forNs };
}

/** The runtime itself needs this many bytes besides the two guests. */
const RUNTIME_BYTES = 512 * 1024 * 1024;

/** A page's version, its presence and its dirty bits need this many bytes. */
const VERSION_BYTES = 6;

/** What a guest whose bytes don't fit can do to keep its size. */
const VERSIONS_HINT = `, or set guest.backing: versions with runtime: virtual, which keeps ${VERSION_BYTES} bytes of a page`;

/** Checks that `versions`, which count writes in place of bytes, are used in virtual runs and without images. */
function checkBacking({ guest, runtime }: Scenario): void {
  if (guest.backing !== 'versions') return;
  if (runtime !== 'virtual') {
    const sentence = 'versions stand for pages in the virtual runtime alone: set runtime: virtual';
    throw new ResolveError({ path: ['guest', 'backing'], sentence });
  }
  const index = guest.contents.findIndex(({ kind }) => kind === 'file');
  if (index < 0) return;
  const sentence = 'an image has bytes, which backing versions does not keep: use backing: bytes';
  throw new ResolveError({ path: ['guest', 'contents', index, 'kind'], sentence });
}

/** Returns about how much memory a virtual run takes whose pages are versions. */
export const virtualRunBytes = ({
  memoryBytes,
  pageSize,
}: {
  readonly memoryBytes: number;
  readonly pageSize: number;
}): number => 2 * (memoryBytes / pageSize) * VERSION_BYTES + RUNTIME_BYTES;

function checkAvailable(
  { backing, contents }: Scenario['guest'],
  { memoryBytes, pageSize }: { readonly memoryBytes: number; readonly pageSize: number },
  availableBytes: number,
): void {
  const pages = memoryBytes / pageSize;
  const needWith = (perPage: number): number => 2 * pages * perPage + RUNTIME_BYTES;
  const needBytes = needWith(backing === 'versions' ? VERSION_BYTES : pageSize);
  if (needBytes <= availableBytes) return;
  const couldCount =
    backing === 'bytes' &&
    contents.every(({ kind }) => kind !== 'file') &&
    needWith(VERSION_BYTES) <= availableBytes;
  throw new ResolveError({
    path: ['guest', 'memory'],
    sentence:
      `source and destination of ${formatSize(memoryBytes)} and the runtime need ` +
      `${formatSize(needBytes)}, this machine has ${formatSize(availableBytes)} ` +
      `free: choose a smaller guest${couldCount ? VERSIONS_HINT : ''}`,
  });
}

/** The vCPUs' state must fit into one message, in which each stream takes some 100 bytes at most. */
const MOST_STREAMS = Math.floor(MAX_CONTROL_BYTES / 110);

/** The most entries of all tables of the workloads, which take 4 bytes each and several times that while they are made. */
const MOST_TABLE_ENTRIES = 128 * 1024 * 1024;

/** Throws ResolveError for a plan that has more streams or larger tables than there is room for. */
function checkPlanSize({ streams, entries }: PlanSize): void {
  const path = ['guest', 'workloads'];
  if (streams > MOST_STREAMS) {
    const sentence =
      `its workloads make ${streams} streams (vCPUs × workloads × memslots), ` +
      `their state fits for ${MOST_STREAMS}: use fewer of either`;
    throw new ResolveError({ path, sentence });
  }
  if (entries <= MOST_TABLE_ENTRIES) return;
  const sentence =
    `the tables of its workloads of pattern zipf, quicksort and trace have ${entries} entries, ` +
    `there is room for ${MOST_TABLE_ENTRIES}: use smaller regions, shorter traces or fewer vCPUs`;
  throw new ResolveError({ path, sentence });
}

/** Plans the streams, which finds out whether their lanes fit a page. */
function checkLanes({ guest, seed }: RunConfig): void {
  try {
    planMemory(guest, seed, checkPlanSize);
  } catch (error) {
    if (!(error instanceof LanesError)) throw error;
    throw new ResolveError({ path: ['guest', 'workloads'], sentence: error.message });
  }
}

function resolveContents(
  contents: ScenarioContents,
  index: number,
  region: Region,
  folderOf: FolderOf,
  pageSize: number,
): Contents {
  const { kind } = contents;
  if (kind === 'file') {
    const offset = parseSize(contents.offset);
    const key = ['guest', 'contents', index, 'path'];
    const path = locateFile(folderOf(key), contents.path);
    const sentence = imageProblem(path, offset, region.pages * pageSize);
    if (sentence !== undefined) {
      throw new ResolveError({ path: key, sentence });
    }
    return { ...region, kind, zeroShare: 0, image: { path, offset } };
  }
  const { zeroShare, seed } = contents;
  const common = { ...region, kind, zeroShare, ...(seed === undefined ? {} : { seed }) };
  if (kind !== 'mixed') return common;
  const { duplicateShare, compressedShare } = contents;
  return { ...common, mixed: { duplicateShare, compressedShare } };
}

/**
 * Returns why an image can't be used, or undefined when it can. The length of a compressed image is not checked, as
 * it shows only when the image is read.
 */
function imageProblem(path: string, offset: number, regionBytes: number): string | undefined {
  try {
    const facts = statSync(path);
    accessSync(path, constants.R_OK);
    if (!facts.isFile()) return `${path} is no file`;
    if (isCompressed(path) || offset + regionBytes <= facts.size) return undefined;
    const left = Math.max(0, facts.size - offset);
    const isRounded = formatSize(left) === formatSize(regionBytes);
    const show = isRounded ? (bytes: number): string => `${bytes} bytes` : formatSize;
    return (
      `${path} has ${show(left)} from offset ${show(offset)} on, its region ` +
      `${show(regionBytes)}: give it a region of that size`
    );
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return `${path} ${code === 'ENOENT' ? 'is not there' : `can't be read (${code})`}`;
  }
}

/** What workloads are resolved with. */
interface Site {
  readonly folderOf: FolderOf;
  readonly pageSize: number;
  readonly traces: TraceReader;
}

function resolveWorkload(
  workload: ScenarioWorkload,
  index: number,
  region: Region,
  scenario: Scenario,
  site: Site,
): Workload {
  const pattern = resolvePattern(workload, index, region, scenario, site);
  const tick = 'tick' in workload ? workload.tick : undefined;
  const catchUpNs = parseAllowance(workload.catchUp);
  return {
    ...region,
    pattern,
    rate: rateOf(workload, pattern),
    writes: 'writes' in workload ? workload.writes : 1,
    wordsPerPage: workload.wordsPerPage,
    ...(workload.vcpu === undefined ? {} : { vcpu: workload.vcpu }),
    ...(tick === undefined ? {} : { tickNs: parseDuration(tick) }),
    fromNs: parseDuration(workload.from),
    untilNs: workload.until === undefined ? Infinity : parseDuration(workload.until),
    ...(catchUpNs > 0 ? { catchUpNs } : {}),
    ...(workload.frees === undefined ? {} : { freesNs: parseDuration(workload.frees) }),
  };
}

/** Returns the accesses a second; a trace has none, and groups of pages have rates of their own. */
function rateOf(workload: ScenarioWorkload, pattern: Pattern): number {
  if (pattern.kind === 'dirty-vector') {
    return pattern.groups.reduce((sum, group) => sum + group.rate, 0);
  }
  return 'rate' in workload && workload.rate !== 'max' ? workload.rate : Infinity;
}

function resolvePattern(
  workload: ScenarioWorkload,
  index: number,
  region: Region,
  scenario: Scenario,
  { folderOf, pageSize, traces }: Site,
): Pattern {
  const { pages } = region;
  if (workload.pattern !== 'trace') {
    return patternNamed(workload.pattern).pattern!(workload, { pages, pageSize });
  }
  const path = ['guest', 'workloads', index, 'trace'];
  const { speed, end } = workload.trace;
  const facts = { seed: scenario.seed, pages, pageSize };
  return {
    kind: 'trace',
    intervals: traces.read(workload.trace, facts, folderOf, path),
    speed,
    end,
  };
}
