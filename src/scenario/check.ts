import { patternNamed } from '../guest/patterns/registry.ts';
import {
  MAX_RING_BYTES,
  MAX_VIRTUAL_RING_BYTES,
  mostBytesPerSecond,
  mostUnlimitedLatencyNs,
  ringBytes,
} from '../link/capacity.ts';
import { foreignKeys, type OwnershipOptions } from '../migration/spec/ownership.ts';
import { kindProblems } from '../migration/spec/resolve.ts';
import { formatDuration, parseAllowance, parseDuration } from '../units/duration.ts';
import { formatBitRate, parseRate } from '../units/rate.ts';
import { formatSize, parseSize } from '../units/size.ts';
import { beyond, notWhole } from './beyond.ts';
import { checkManager } from './memory-manager.ts';
import { checkDevices } from './devices.ts';
import { formatValue } from './fields.ts';
import { checkChannels } from './channels.ts';
import { checkReferences } from './references.ts';
import { checkCompression } from './compression.ts';
import { checkXbzrle } from './xbzrle.ts';
import type { Problem } from './problem.ts';
import type { Scenario, ScenarioWorkload } from './schema.ts';

const PAGE_SIZES: ReadonlySet<number> = new Set([4096, 16384, 65536, 2 ** 21, 2 ** 30]);

/**
 * Returns what is impossible about a scenario, as far as that shows without its files and the machine. `document` is
 * the value that the scenario was parsed from, without defaults.
 */
export function check(
  scenario: Scenario,
  document: unknown = scenario,
  options?: OwnershipOptions,
): Problem[] {
  const pageSize = pageSizeOf(scenario);
  if (pageSize === undefined) {
    const sentence = `expected 4KiB, 16KiB, 64KiB, 2MiB or 1GiB, got ${formatValue(scenario.guest.pageSize)}`;
    return [{ path: ['guest', 'pageSize'], sentence }];
  }
  return [
    ...checkMemory(scenario, pageSize),
    ...checkRegions(scenario, pageSize),
    ...checkWorkloads(scenario, pageSize),
    ...checkDevices(scenario, options),
    ...checkManaged(scenario, pageSize),
    ...checkLog(scenario, pageSize),
    ...checkMigration(scenario, isMap(document) ? document['migration'] : undefined, options),
    ...checkReferences(scenario, pageSize),
    ...checkXbzrle(scenario, pageSize),
    ...checkCompression(scenario, pageSize),
    ...checkChannels(scenario, pageSize),
    ...checkLink(scenario, pageSize),
    ...checkOutages(scenario),
  ];
}

function pageSizeOf(scenario: Scenario): number | undefined {
  try {
    const bytes = parseSize(scenario.guest.pageSize);
    return PAGE_SIZES.has(bytes) ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function checkMemory({ guest }: Scenario, pageSize: number): Problem[] {
  const bytes = parseSize(guest.memory);
  if (bytes % pageSize === 0) return [];
  const sentence = `${formatValue(guest.memory)} ${notWhole(bytes, pageSize)}`;
  return [{ path: ['guest', 'memory'], sentence }];
}

function checkRegions({ guest }: Scenario, pageSize: number): Problem[] {
  const memory = parseSize(guest.memory);
  const lists = { contents: guest.contents, workloads: guest.workloads };
  return Object.entries(lists).flatMap(([list, entries]) =>
    entries.flatMap(({ region }, index) => {
      if (!region) return [];
      const path = ['guest', list, index, 'region'];
      const start = parseSize(region.start);
      const size = parseSize(region.size);
      const problems: Problem[] = [];
      for (const [key, bytes] of [['start', start] as const, ['size', size] as const]) {
        if (bytes % pageSize === 0) continue;
        problems.push({ path: [...path, key], sentence: notWhole(bytes, pageSize) });
      }
      if (start + size > memory) {
        problems.push({ path, sentence: beyond(start + size, memory) });
      }
      return problems;
    }),
  );
}

function checkWorkloads({ guest }: Scenario, pageSize: number): Problem[] {
  return guest.workloads.flatMap((workload, index) => {
    const path = ['guest', 'workloads', index];
    const problems: Problem[] = [];
    if (workload.vcpu !== undefined && workload.vcpu >= guest.vcpus) {
      const sentence = `the guest has ${guest.vcpus} vCPUs, numbered from 0`;
      problems.push({ path: [...path, 'vcpu'], sentence });
    }
    if (workload.wordsPerPage * 8 > pageSize) {
      const sentence = `${workload.wordsPerPage} words take ${workload.wordsPerPage * 8} bytes, a page has ${pageSize}`;
      problems.push({ path: [...path, 'wordsPerPage'], sentence });
    }
    const { until } = workload;
    if (until !== undefined && parseDuration(until) <= parseDuration(workload.from)) {
      const sentence = `must be later than from (${formatValue(workload.from)})`;
      problems.push({ path: [...path, 'until'], sentence });
    }
    problems.push(...patternProblems(workload, path, parseSize(guest.memory), pageSize));
    if (!('rate' in workload)) return problems;
    if (workload.rate === 'max' && workload.tick !== undefined) {
      const sentence = 'a workload of rate max has no ticks: leave it out, or give a rate';
      problems.push({ path: [...path, 'tick'], sentence });
    }
    if (workload.rate === 'max' && parseAllowance(workload.catchUp) > 0) {
      const sentence = 'a workload of rate max is never late: leave it out, or give a rate';
      problems.push({ path: [...path, 'catchUp'], sentence });
    }
    return problems;
  });
}

/** Returns a problem when a key of the workload's pattern does not fit the guest's pages. */
function patternProblems(
  workload: ScenarioWorkload,
  path: Problem['path'],
  memoryBytes: number,
  pageSize: number,
): Problem[] {
  const kind = patternNamed(workload.pattern);
  const bytesOfRegion = workload.region ? parseSize(workload.region.size) : memoryBytes;
  const region = { pages: Math.floor(bytesOfRegion / pageSize), pageSize };
  const problems = kind.problems?.(workload, region) ?? [];
  if (problems.length > 0) {
    return problems.map((one) => ({ ...one, path: [...path, ...one.path] }));
  }
  const key = kind.misfit?.(workload, pageSize);
  if (key === undefined) return [];
  const bytes = parseSize((workload as unknown as Record<string, string | number>)[key]!);
  return [{ path: [...path, key], sentence: notWhole(bytes, pageSize) }];
}

/** Checks the memory manager, or, without one, that no key needs one. */
function checkManaged({ guest, migration }: Scenario, pageSize: number): Problem[] {
  const { memoryManager, workloads } = guest;
  if (memoryManager) {
    return [...checkManager(memoryManager, guest, pageSize), ...checkHints(migration, pageSize)];
  }
  const sentence = 'needs guest.memoryManager, which knows what is free: add it, or leave this out';
  const problems = workloads.flatMap(({ frees }, index) =>
    frees === undefined ? [] : [{ path: ['guest', 'workloads', index, 'frees'], sentence }],
  );
  const keys = [
    ...(migration.pseudoPaging ? ['pseudoPaging'] : []),
    ...(migration.freePageHints === true ? ['freePageHints'] : []),
  ];
  return [...problems, ...keys.map((key) => ({ path: ['migration', key], sentence }))];
}

/** Checks that a hinted block is one of the buddy allocator's: a power of two of whole pages. */
function checkHints({ freePageHintBlock }: Scenario['migration'], pageSize: number): Problem[] {
  if (freePageHintBlock === undefined) return [];
  const pages = parseSize(freePageHintBlock) / pageSize;
  if (Number.isInteger(pages) && Number.isInteger(Math.log2(pages))) return [];
  const sentence = `expected a power of two of pages of ${formatSize(pageSize)}, such as 4MiB, got ${formatValue(freePageHintBlock)}`;
  return [{ path: ['migration', 'freePageHintBlock'], sentence }];
}

/** `document` is the value of the key `migration`, without defaults. */
function checkMigration(
  { guest, migration }: Scenario,
  document: unknown,
  options?: OwnershipOptions,
): Problem[] {
  const { algorithm } = migration;
  const problems: Problem[] = [
    ...foreignKeys(isMap(document) ? document : {}, migration, options),
    ...kindProblems(migration, guest),
  ].map(({ path, sentence }) => ({ path: ['migration', ...path], sentence }));
  const isLogged = algorithm === 'precopy' || algorithm === 'hybrid';
  if (isLogged && guest.dirtyLog === 'none') {
    const name = algorithm === 'precopy' ? 'pre-copy' : 'hybrid';
    const sentence = `${name} needs a dirty log: choose bitmap, bytemap, atomic or ring, or algorithm stop-and-copy or postcopy`;
    problems.push({ path: ['guest', 'dirtyLog'], sentence });
  }
  if (migration.swapOrder === 'lru' && guest.lruScan === undefined) {
    const sentence =
      'needs guest.lruScan, which says how often the guest scans its pages for references: add it';
    problems.push({ path: ['migration', 'swapOrder'], sentence });
  }
  return problems;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkLog({ guest }: Scenario, pageSize: number): Problem[] {
  const { dirtyRingSize, clearChunk } = guest;
  const problems: Problem[] = [];
  if ((dirtyRingSize & (dirtyRingSize - 1)) !== 0) {
    const sentence = `expected a power of two from 1024 to 65536, got ${dirtyRingSize}`;
    problems.push({ path: ['guest', 'dirtyRingSize'], sentence });
  }
  // KVM_CLEAR_DIRTY_LOG takes ranges of whole 64-page words.
  const wordBytes = 64 * pageSize;
  if (clearChunk !== undefined && parseSize(clearChunk) % wordBytes !== 0) {
    const sentence = notWhole(parseSize(clearChunk), wordBytes, '64 pages');
    problems.push({ path: ['guest', 'clearChunk'], sentence });
  }
  return problems;
}

/** Checks that a ring holds all that the link has under way, which depends on the runtime. */
function checkLink({ link, runtime }: Scenario, pageSize: number): Problem[] {
  const isVirtual = runtime === 'virtual';
  const bytesPerSecond = parseRate(link.bandwidth);
  const latencyNs = parseDuration(link.latency);
  if (ringBytes(bytesPerSecond, latencyNs, pageSize, isVirtual) !== undefined) {
    return checkBuffer(link, runtime, pageSize);
  }
  const ring = formatSize(isVirtual ? MAX_VIRTUAL_RING_BYTES : MAX_RING_BYTES);
  const isEnough = !isVirtual && ringBytes(bytesPerSecond, latencyNs, pageSize, true) !== undefined;
  const otherwise = isEnough ? ', or set runtime: virtual' : '';
  if (bytesPerSecond === Infinity) {
    const most = formatDuration(mostUnlimitedLatencyNs(pageSize, isVirtual));
    const sentence =
      `is more than the ${most} that runtime ${runtime} emulates without a limit of the bandwidth, as at most ` +
      `${ring} may be under way: lower it, or set a bandwidth${otherwise}`;
    return [{ path: ['link', 'latency'], sentence }];
  }
  const most = formatBitRate(mostBytesPerSecond(latencyNs, pageSize, isVirtual));
  const sentence =
    `${formatValue(link.bandwidth)} is more than the ${most} that runtime ${runtime} emulates with a latency of ` +
    `${formatValue(link.latency)}, as at most ${ring} may be under way: lower it or the latency${otherwise}`;
  return [{ path: ['link', 'bandwidth'], sentence }];
}

/** Checks the send buffer of a link whose ring holds everything else that is under way. */
function checkBuffer(
  { bandwidth, latency, sendBuffer }: Scenario['link'],
  runtime: Scenario['runtime'],
  pageSize: number,
): Problem[] {
  const bytes = parseSize(sendBuffer);
  const bytesPerSecond = parseRate(bandwidth);
  if (bytes === 0) return [];
  const path = ['link', 'sendBuffer'];
  if (bytesPerSecond === Infinity) {
    const sentence =
      'has an effect only with a limit of the bandwidth, as nothing waits for a link without one: leave it out, or set a bandwidth';
    return [{ path, sentence }];
  }
  const aheadNs = parseDuration(latency) + (bytes / bytesPerSecond) * 1e9;
  const fits = (isVirtual: boolean): boolean =>
    ringBytes(bytesPerSecond, aheadNs, pageSize, isVirtual) !== undefined;
  const isVirtual = runtime === 'virtual';
  if (fits(isVirtual)) return [];
  const ring = formatSize(isVirtual ? MAX_VIRTUAL_RING_BYTES : MAX_RING_BYTES);
  const otherwise = !isVirtual && fits(true) ? ', or set runtime: virtual' : '';
  const sentence = `is too large for runtime ${runtime}, where at most ${ring} may be under way: lower it${otherwise}`;
  return [{ path, sentence }];
}

/** Checks that each outage begins after the one before has ended, as only a standing connection can be lost. */
function checkOutages({ link: { outages } }: Scenario): Problem[] {
  return outages.flatMap(({ after }, index) => {
    const before = outages[index - 1];
    if (!before) return [];
    const path = ['link', 'outages', index, 'after'];
    if (before.for === undefined) {
      return [{ path, sentence: 'comes after an outage that never ends: give that one a for' }];
    }
    const endNs = parseDuration(before.after) + parseDuration(before.for);
    if (parseDuration(after) > endNs) return [];
    const sentence = `must be later than the end of the outage before (${formatValue(before.after)} + ${formatValue(before.for)})`;
    return [{ path, sentence }];
  });
}
