import { BitReader, BitWriter } from './bits.ts';
import { RiceReader, RiceWriter } from './rice.ts';

/** A table of counts: one column for each time, one cell of a column for each bin. */
export type Cells = readonly ArrayLike<number>[];

/**
 * Returns the column from which each cell of column `index` is expected to have the same value as its own; undefined
 * means that a cell is expected to continue the cells around it.
 */
export type LikeColumn = (index: number) => ArrayLike<number> | undefined;

const NO_COLUMN: LikeColumn = () => undefined;

/**
 * Writes a table as text: base64 of Rice codes of how far each cell is from what is expected of it. Before each column
 * a bit says whether any of its cells is. The bytes depend on nothing but the counts, which a general compressor does
 * not promise from one machine to the next.
 */
export function encodeCells(cells: Cells, likeColumn: LikeColumn = NO_COLUMN): string {
  const bits = new BitWriter();
  const rice = new RiceWriter(bits);
  for (const [index, column] of cells.entries()) {
    const like = likeColumn(index);
    const errors = Array.from(
      column,
      (count, bin) => count - expected(cells, column, index, bin, like),
    );
    const isAsExpected = errors.every((error) => error === 0);
    bits.write(isAsExpected ? 0 : 1, 1);
    if (!isAsExpected) for (const error of errors) rice.write(error);
  }
  return Buffer.from(bits.bytes()).toString('base64');
}

/** Reads a table that `encodeCells` has written. Throws RangeError if the text is too short for it. */
export function decodeCells(
  text: string,
  size: { readonly columns: number; readonly bins: number },
  likeColumn: LikeColumn = NO_COLUMN,
): Float64Array[] {
  const bits = new BitReader(Buffer.from(text, 'base64'));
  const rice = new RiceReader(bits);
  const cells: Float64Array[] = [];
  for (let index = 0; index < size.columns; index++) {
    const column = new Float64Array(size.bins);
    const like = likeColumn(index);
    const isAsExpected = bits.read(1) === 0;
    for (let bin = 0; bin < size.bins; bin++) {
      const error = isAsExpected ? 0 : rice.read();
      column[bin] = expected(cells, column, index, bin, like) + error;
    }
    cells.push(column);
  }
  return cells;
}

/** Returns what a cell is expected to be, from the cells before it. */
function expected(
  cells: Cells,
  column: ArrayLike<number>,
  index: number,
  bin: number,
  like: ArrayLike<number> | undefined,
): number {
  if (like) return like[bin]!;
  const before = cells[index - 1];
  if (!before) return bin === 0 ? 0 : column[bin - 1]!;
  if (bin === 0) return before[0]!;
  return median(column[bin - 1]!, before[bin]!, before[bin - 1]!);
}

/**
 * Returns the median of two neighbours and of what they are if the three lie in one plane: the predictor of LOCO-I
 * (Weinberger, Seroussi and Sapiro 2000), which finds edges in either direction.
 */
function median(one: number, other: number, corner: number): number {
  const low = Math.min(one, other);
  const high = Math.max(one, other);
  if (corner >= high) return low;
  return corner <= low ? high : one + other - corner;
}
