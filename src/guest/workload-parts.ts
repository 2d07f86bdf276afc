import { aliasTable, zipfWeights } from '../random/alias-table.ts';
import { Generator, hashWords } from '../random/generator.ts';
import type { PageGroup } from './dirty-vector.ts';
import { quicksortPages } from './quicksort.ts';
import type { Pattern, Workload } from './workload.ts';

/** The pages [firstGfn, firstGfn + pages) of a guest that a memslot holds. */
export interface SlotRange {
  readonly firstGfn: number;
  readonly pages: number;
}

/** The part of a workload that lies in one memslot. */
export interface WorkloadPart {
  readonly slot: number;
  /** Its first page, counted in the slot. */
  readonly firstGfn: number;
  readonly pages: number;
  /** Its first page, counted in the workload's region. */
  readonly offset: number;
  /** The share of the workload's accesses that fall into it. */
  readonly share: number;
  /** The pattern within the part. */
  readonly pattern: Pattern;
  /** The alias table over the part's pages (zipf), or the pages in the order of their visits (quicksort). */
  readonly table?: Uint32Array;
}

/**
 * Cuts a workload at the memslots' borders. A part's share of the accesses follows from its pages: from their weights
 * (zipf, dirty-vector), from how many of them are hot and cold (hotspot), or else from their number.
 */
export function partsOf(
  workload: Workload,
  slots: readonly SlotRange[],
  seed: number,
): WorkloadPart[] {
  const end = workload.firstGfn + workload.pages;
  const cuts = slots.flatMap((range, slot) => {
    const from = Math.max(workload.firstGfn, range.firstGfn);
    const to = Math.min(end, range.firstGfn + range.pages);
    if (to <= from) return [];
    const offset = from - workload.firstGfn;
    return [{ slot, firstGfn: from - range.firstGfn, pages: to - from, offset }];
  });
  const { pattern, pages } = workload;
  if (pattern.kind === 'zipf' || pattern.kind === 'dirty-vector') {
    const weights =
      pattern.kind === 'zipf'
        ? zipfWeights(pages, pattern.theta, seed)
        : groupWeights(pages, pattern.groups, seed);
    const total = sum(weights);
    return cuts.map((cut) => {
      const own = weights.subarray(cut.offset, cut.offset + cut.pages);
      return { ...cut, share: sum(own) / total, pattern, table: aliasTable(own) };
    });
  }
  if (pattern.kind === 'hotspot') return cuts.map((cut) => hotspotPart(cut, pattern, pages));
  const share = (cut: Cut): number => cut.pages / pages;
  if (pattern.kind === 'quicksort') {
    return cuts.map((cut) => {
      const table = quicksortPages(cut.pages, hashWords(seed, workload.firstGfn, cut.slot));
      return { ...cut, share: share(cut), pattern, table };
    });
  }
  return cuts.map((cut) => ({ ...cut, share: share(cut), pattern }));
}

/** Returns the writes a second of each page of a region; a seeded permutation decides which group has which pages. */
function groupWeights(pages: number, groups: readonly PageGroup[], seed: number): Float64Array {
  const order = Uint32Array.from({ length: pages }, (_, i) => i);
  new Generator(seed, pages).shuffle(order);
  const weights = new Float64Array(pages);
  let next = 0;
  for (const { pages: own, rate } of groups) {
    for (const end = next + own; next < end; next++) weights[order[next]!] = rate / own;
  }
  return weights;
}

type Cut = Omit<WorkloadPart, 'share' | 'pattern' | 'table'>;

/** Returns a part of a hotspot workload. The first pages of the region are hot; a part may have hot and cold pages. */
function hotspotPart(
  cut: Cut,
  { hotPages, hotAccesses }: Extract<Pattern, { kind: 'hotspot' }>,
  pages: number,
): WorkloadPart {
  const hot = Math.max(0, Math.min(cut.pages, hotPages - cut.offset));
  const hotShare = (hotAccesses * hot) / hotPages;
  const coldShare = ((1 - hotAccesses) * (cut.pages - hot)) / (pages - hotPages);
  const share = hotShare + coldShare;
  const isMixed = hot > 0 && hot < cut.pages;
  const pattern: Pattern = isMixed
    ? { kind: 'hotspot', hotPages: hot, hotAccesses: share > 0 ? hotShare / share : 0 }
    : { kind: 'uniform' };
  return { ...cut, share, pattern };
}

function sum(values: Float64Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
