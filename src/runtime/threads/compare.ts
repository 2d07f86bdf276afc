import type { Memslot } from '../../memory/memslot.ts';
import { COMPARE_BYTES, scratchAreas } from '../../memory/layout.ts';
import type { CompareResult } from './tasks.ts';
import type { Difference } from '../report.ts';

/**
 * Compares pages [firstGfn, firstGfn + pages) of two slots byte by byte: whole chunks with Node's
 * memcmp, and only where one differs page by page.
 */
export function comparePages(
  expected: Memslot,
  found: Memslot,
  firstGfn: number,
  pages: number,
): CompareResult {
  const { pageSize } = expected.layout;
  const chunk = Math.max(1, Math.floor((1024 * 1024) / pageSize));
  let differingPages = 0;
  let first: number | undefined;
  for (let gfn = firstGfn; gfn < firstGfn + pages; gfn += chunk) {
    const end = Math.min(gfn + chunk, firstGfn + pages);
    if (isEqual(expected, found, gfn * pageSize, end * pageSize)) continue;
    for (let page = gfn; page < end; page++) {
      if (isEqual(expected, found, page * pageSize, (page + 1) * pageSize)) continue;
      differingPages++;
      first ??= page;
    }
  }
  return { differingPages, ...(first === undefined ? {} : { firstGfn: first }) };
}

function isEqual(a: Memslot, b: Memslot, from: number, to: number): boolean {
  return Buffer.compare(a.ram.subarray(from, to), b.ram.subarray(from, to)) === 0;
}

/**
 * The first differing byte of a page, found by the comparison kernel on a copy in the expected
 * slot's scratch: one caller at a time.
 */
export function locateDifference(expected: Memslot, found: Memslot, gfn: number): Difference {
  const { pageSize, ramOffset } = expected.layout;
  const { compare } = scratchAreas(expected.layout);
  const scratch = new Uint8Array(expected.buffer, compare, COMPARE_BYTES);
  for (let at = gfn * pageSize; at < (gfn + 1) * pageSize; at += COMPARE_BYTES) {
    const bytes = Math.min(COMPARE_BYTES, (gfn + 1) * pageSize - at);
    scratch.set(found.ram.subarray(at, at + bytes));
    const offset = expected.kernels.firstDifference(ramOffset + at, compare, bytes);
    if (offset < 0) continue;
    const where = at + offset;
    return {
      gfn,
      offset: where - gfn * pageSize,
      expected: expected.ram[where]!,
      found: found.ram[where]!,
    };
  }
  throw new Error(`page ${gfn} differs, but no byte of it does`);
}
