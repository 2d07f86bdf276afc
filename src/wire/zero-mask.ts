import type { Memslot } from '../memory/memslot.ts';

/** Returns a bit for each of at most 32 pages from `page` on; it is set if the page is zero. */
export function zeroMask({ layout, kernels, words }: Memslot, page: number, count: number): number {
  const at = layout.ramOffset + page * layout.storedBytes;
  if (layout.backing !== 'versions') return kernels.zeroMask(at, layout.storedBytes, count);
  let mask = 0;
  for (let i = 0; i < count; i++) if (words[(at >>> 2) + i] === 0) mask |= 1 << i;
  return mask;
}
