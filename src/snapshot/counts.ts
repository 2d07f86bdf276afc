import type { PagePlace, PageTable } from './page-table.ts';
import type { WriteCounts } from './writer.ts';

/** What a save has done, and what the file holds; all of them count pages. */
export interface SnapshotCounts extends WriteCounts {
  /** How many pages of the guest are in the file, in its base, or zero. */
  readonly places: Readonly<Record<PagePlace, number>>;
}

/** Returns the counts of a save as plain data. */
export const countsOf = (counts: WriteCounts, table: PageTable): SnapshotCounts => ({
  ...counts,
  places: table.counts(),
});
