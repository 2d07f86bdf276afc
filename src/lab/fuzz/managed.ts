import type { ManagerConfig } from '../../guest/manager-config.ts';
import type { Workload } from '../../guest/workload.ts';
import { Generator } from '../../random/generator.ts';
import type { RunConfig } from '../../runtime/config.ts';

type Guest = RunConfig['guest'];

/** These draws have generators of their own, so that they don't change what else a seed draws. */
const OTHER_DRAWS = 0x6d616e61;
const ORDER_DRAWS = 0x6f726472;
const FEWEST_PAGES = 32;

/**
 * Gives about every third guest a memory manager, with short intervals, and its workloads pages that
 * don't overlap; with `isSure` every guest that is large enough. About every second guest also has its
 * page references scanned. The result is a function of the seed and the guest alone.
 */
export function managed(seed: number, drawn: Guest, isSure = false): Guest {
  const random = new Generator((seed ^ OTHER_DRAWS) >>> 0);
  const one = <Value>(values: readonly Value[]): Value => values[random.below(values.length)]!;
  const guest = { ...drawn, ...(random.below(2) === 0 ? { lruScanNs: 2e6 } : {}) };
  const pages = guest.memoryBytes / guest.pageSize;
  const isChosen = random.below(3) === 0 || isSure;
  if (!isChosen || pages < FEWEST_PAGES) return guest;
  const kernelPages = random.below(8);
  const usedPages = random.below(6);
  const cachePages = random.below(8);
  const first = kernelPages + usedPages;
  const used = usedPages > 0 ? [{ firstGfn: kernelPages, pages: usedPages }] : [];
  const cache = cachePages > 0 ? [{ firstGfn: first, pages: cachePages }] : [];
  const ballooning = {
    intervalNs: one([3e6, 7e6, 40e6]),
    share: one([0.95, 1, 0.3]),
    holdOff: one([0, 1, 10]),
  };
  const memoryManager: ManagerConfig = {
    kernelPages,
    used,
    cache,
    deflatePages: one([1, 8, 128]),
    cacheReclaimShare: one([0, 0.3]),
    release: one(['none', 'free', 'cache']),
    ...(random.below(4) > 0 ? { ballooning } : {}),
  };
  const freesNs = one([undefined, 2e6, 11e6]);
  const workloads = placeApart(guest.workloads, first, pages).map((workload): Workload => {
    const { tickNs: _, ...rest } = workload;
    return {
      ...rest,
      vcpu: random.below(guest.vcpus),
      ...(freesNs === undefined ? {} : { freesNs }),
    };
  });
  return { ...guest, workloads, memoryManager };
}

/** Draws the page order of post-copy: a function of the seed and the guest alone. */
export function prepaging(seed: number, guest: Guest): Partial<RunConfig['migration']> {
  const random = new Generator((seed ^ ORDER_DRAWS) >>> 0);
  const one = <Value>(values: readonly Value[]): Value => values[random.below(values.length)]!;
  return {
    pseudoPaging: guest.memoryManager !== undefined && random.below(2) === 0,
    swapOrder: one(['gfn', 'gfn', 'allocation', ...(guest.lruScanNs ? (['lru'] as const) : [])]),
    swapReadaheadPages: one([1, 1, 8]),
    bubbling: {
      pivots: one([1, 2, 7]),
      direction: one(['dual', 'forward', 'backward']),
      queuePages: one([0, 0, 5, 40]),
      discardsQueue: random.below(2) === 0,
    },
  };
}

/**
 * Places the workloads side by side from page `first` on, each at least eight pages long; some may lie
 * in the page cache. Returns none when there is no room.
 */
function placeApart(workloads: readonly Workload[], first: number, pages: number): Workload[] {
  const share = Math.floor((pages - first) / Math.max(1, workloads.length));
  if (share < 8) return [];
  return workloads.map((workload, index) => {
    const size = Math.max(8, Math.min(workload.pages, share));
    const { pattern } = workload;
    const hot = pattern.kind === 'hotspot' ? Math.max(1, size >> 2) : 0;
    return {
      ...workload,
      firstGfn: first + index * share,
      pages: size,
      ...(pattern.kind === 'hotspot' ? { pattern: { ...pattern, hotPages: hot } } : {}),
    };
  });
}
