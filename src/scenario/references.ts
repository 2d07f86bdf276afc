import { MAX_WHOLE_PAGE } from '../wire/limits.ts';
import { formatSize } from '../units/size.ts';
import { sendsBlocks } from '../wire/encodings.ts';
import type { Problem } from './problem.ts';
import type { Scenario } from './schema.ts';

/** The sentence about a guest whose pages are only counts of writes, so that no two of them can be compared. */
export const NEEDS_BYTES =
  'needs a guest with real bytes, as it compares the bytes of pages: leave it out, or set';

/** Checks that pages can be sent as references where a migration asks for it. */
export function checkReferences({ guest, migration, link }: Scenario, pageSize: number): Problem[] {
  const index = migration.encodings.indexOf('reference');
  if (index < 0) return [];
  const path = ['migration', 'encodings', index];
  if (guest.backing === 'versions') {
    return [{ path, sentence: `reference ${NEEDS_BYTES} guest.backing: bytes` }];
  }
  if (pageSize > MAX_WHOLE_PAGE) {
    const sentence = `reference has no effect on pages above ${formatSize(MAX_WHOLE_PAGE)}, which travel in parts: leave it out, or choose a smaller guest.pageSize`;
    return [{ path, sentence }];
  }
  if (link.integrity === 'header' && sendsBlocks(migration.encodings)) {
    const sentence =
      'reference knows pages that are sent as blocks by their sums only: leave it out, or set link.integrity: full';
    return [{ path, sentence }];
  }
  return [];
}
