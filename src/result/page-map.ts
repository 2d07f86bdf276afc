import { decodeCells, type LikeColumn } from './cells/cells.ts';
import type { PagesColumn, ResultPages } from './pages-schema.ts';

/** A column of a page map with its counts, one for each bin. */
export interface PageMapColumn extends PagesColumn {
  readonly sent: ArrayLike<number>;
  /** Those of `sent` that went out as zero pages. */
  readonly zero: ArrayLike<number>;
  readonly dirtied: ArrayLike<number>;
  /** Requests of demand faults. */
  readonly requested: ArrayLike<number>;
}

/** The tables of a result's `pages`, read. */
export interface PageMap {
  readonly binPages: number;
  readonly bins: number;
  readonly columns: readonly PageMapColumn[];
}

/** Reads the tables of a result's `pages`. Throws RangeError if they are shorter than they say. */
export function readPages({ binPages, bins, columns, cells }: ResultPages): PageMap {
  const size = { columns: columns.length, bins };
  const dirtied = decodeCells(cells.dirtied, size);
  const sent = decodeCells(cells.sent, size, likeDirtied(columns, dirtied));
  const zero = decodeCells(cells.zero, size);
  const requested =
    cells.requested === undefined
      ? columns.map(() => new Float64Array(bins))
      : decodeCells(cells.requested, size);
  return {
    binPages,
    bins,
    columns: columns.map((column, index) => ({
      ...column,
      sent: sent[index]!,
      zero: zero[index]!,
      dirtied: dirtied[index]!,
      requested: requested[index]!,
    })),
  };
}

/** Says that after a live round the pages are sent that it has dirtied, except those that are dirty again. */
export function likeDirtied(
  columns: readonly { readonly kind: PagesColumn['kind'] }[],
  dirtied: readonly ArrayLike<number>[],
): LikeColumn {
  return (index) => {
    const isAfterRound = columns[index - 1]?.kind === 'live';
    return isAfterRound && columns[index]!.kind !== 'postcopy' ? dirtied[index - 1] : undefined;
  };
}
