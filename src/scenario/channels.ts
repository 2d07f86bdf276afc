import { MAX_WHOLE_PAGE } from '../wire/limits.ts';
import { formatSize } from '../units/size.ts';
import type { Problem } from './problem.ts';
import type { Scenario } from './schema.ts';

/** Encodings of pages that need a page to arrive before another one, which channels do not promise. */
const ORDERED = ['xbzrle', 'reference'] as const;

const problem = (sentence: string): Problem[] => [{ path: ['migration', 'channels'], sentence }];

/** Checks that the pages of a migration can travel over several channels where it asks for that. */
export function checkChannels({ migration }: Scenario, pageSize: number): Problem[] {
  if ((migration.channels ?? 1) === 1) return [];
  const ordered = ORDERED.find((name) => migration.encodings.includes(name));
  const other = migration.encodings.find((name) => name !== 'zero');
  if (ordered) {
    return problem(
      `does not work with the encoding ${ordered}, whose pages have to arrive in order: leave one of them out`,
    );
  }
  if (other) {
    return problem(`is not built yet with the encoding ${other}: leave one of them out`);
  }
  if (pageSize > MAX_WHOLE_PAGE) {
    return problem(
      `carries pages of at most ${formatSize(MAX_WHOLE_PAGE)}, as larger ones travel in parts: leave it out, or choose a smaller guest.pageSize`,
    );
  }
  if (migration.recordPages === true) {
    return problem(
      'does not work with recordPages, which follows one channel: leave one of them out',
    );
  }
  return [];
}
