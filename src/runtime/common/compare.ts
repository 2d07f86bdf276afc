import type { Memslot } from '../../memory/memslot.ts';
import { COMPARE_BYTES, scratchAreas } from '../../memory/layout.ts';
import type { Difference } from '../report.ts';

/** What a comparison of some pages found. */
export interface CompareResult {
  readonly differingPages: number;
  /** Of the guest. */
  readonly firstGfn?: number;
}

/**
 * Compares pages [firstPage, firstPage + pages) of two slots byte by byte. Chunks of some 1 MiB are compared with
 * Node's memcmp, and only a chunk that differs is compared page by page.
 */
export function comparePages(
  expected: Memslot,
  found: Memslot,
  firstPage: number,
  pages: number,
): CompareResult {
  const { storedBytes: pageSize } = expected.layout;
  const chunk = Math.max(1, Math.floor((1024 * 1024) / pageSize));
  let differingPages = 0;
  let first: number | undefined;
  for (let from = firstPage; from < firstPage + pages; from += chunk) {
    const end = Math.min(from + chunk, firstPage + pages);
    if (isEqual(expected, found, from * pageSize, end * pageSize)) continue;
    for (let page = from; page < end; page++) {
      if (isEqual(expected, found, page * pageSize, (page + 1) * pageSize)) continue;
      differingPages++;
      first ??= page;
    }
  }
  const { firstGfn } = expected.layout;
  return { differingPages, ...(first === undefined ? {} : { firstGfn: firstGfn + first }) };
}

function isEqual(a: Memslot, b: Memslot, from: number, to: number): boolean {
  return Buffer.compare(a.ram.subarray(from, to), b.ram.subarray(from, to)) === 0;
}

/**
 * Returns the first byte of a page that differs. The comparison kernel finds it in a copy that lies in the
 * expected slot's scratch area, so there may be one caller at a time. Throws an Error when no byte differs.
 */
export function locateDifference(expected: Memslot, found: Memslot, gfn: number): Difference {
  const { storedBytes: pageSize, ramOffset, firstGfn } = expected.layout;
  const page = gfn - firstGfn;
  if (expected.layout.backing === 'versions') return differentVersion(expected, found, gfn);
  const { compare } = scratchAreas(expected.layout);
  const scratch = new Uint8Array(expected.buffer, compare, COMPARE_BYTES);
  for (let at = page * pageSize; at < (page + 1) * pageSize; at += COMPARE_BYTES) {
    const bytes = Math.min(COMPARE_BYTES, (page + 1) * pageSize - at);
    scratch.set(found.ram.subarray(at, at + bytes));
    const offset = expected.kernels.firstDifference(ramOffset + at, compare, bytes);
    if (offset < 0) continue;
    const where = at + offset;
    return {
      gfn,
      offset: where - page * pageSize,
      expected: expected.ram[where]!,
      found: found.ram[where]!,
    };
  }
  throw new Error(`page ${gfn} differs, but no byte of it does`);
}

/** Returns the first stored byte in which two versions of a page differ. */
function differentVersion(expected: Memslot, found: Memslot, gfn: number): Difference {
  const from = (gfn - expected.layout.firstGfn) * expected.layout.storedBytes;
  for (let offset = 0; offset < expected.layout.storedBytes; offset++) {
    const [a, b] = [expected.ram[from + offset]!, found.ram[from + offset]!];
    if (a !== b) return { gfn, offset, expected: a, found: b };
  }
  throw new Error(`page ${gfn} differs, but its version does not`);
}
