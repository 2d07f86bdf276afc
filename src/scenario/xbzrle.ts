import { MOST_BLOCK_PAGE_BYTES } from '../wire/block-reader.ts';
import { formatSize } from '../units/size.ts';
import type { Problem } from './problem.ts';
import { NEEDS_BYTES } from './references.ts';
import type { Scenario } from './schema.ts';

/** Checks that pages can be sent as what has changed of them where a migration asks for it. */
export function checkXbzrle({ guest, migration }: Scenario, pageSize: number): Problem[] {
  const { encodings } = migration;
  const index = encodings.indexOf('xbzrle');
  if (index < 0) return [];
  const problem = (sentence: string): Problem[] => [
    { path: ['migration', 'encodings', index], sentence },
  ];
  if (guest.backing === 'versions') {
    return problem(`xbzrle ${NEEDS_BYTES} guest.backing: bytes`);
  }
  if (pageSize > MOST_BLOCK_PAGE_BYTES) {
    const most = formatSize(MOST_BLOCK_PAGE_BYTES);
    return problem(
      `xbzrle compares pages of at most ${most}: leave it out, or choose a smaller guest.pageSize`,
    );
  }
  return [];
}
