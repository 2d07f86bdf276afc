import { stripVTControlCharacters } from 'node:util';

/** A column of a table, or a part of a line. */
export interface Column {
  /** When a line is too wide, the columns with the least weight are left out first. `Infinity` keeps a column. */
  readonly weight: number;
  readonly align?: 'left' | 'right';
}

/** The part of an output stream that says how wide its terminal is. */
export interface WideStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** What a terminal that doesn't tell its width is taken for. */
const USUAL_COLUMNS = 80;
const GAP = '  ';

/** Returns how many characters fit on a line of a stream; there is no limit where it is not a terminal. */
export function lineWidth({ isTTY, columns }: WideStream): number {
  if (isTTY !== true) return Infinity;
  return columns === undefined || columns <= 0 ? USUAL_COLUMNS : columns;
}

/** Returns how many columns of a terminal a text takes; sequences that set colours take none. */
export const visibleLength = (text: string): number => stripVTControlCharacters(text).length;

/**
 * Lays out rows of cells in aligned columns, one line each, so that no line is wider than `width`. Columns that don't
 * fit are left out, the one with the least weight first and of equal ones the last; so are columns without any text.
 * When not even the columns of infinite weight fit, the widest left-aligned one of them is shortened, and then the
 * lines are cut. The first column is aligned to the left and the others to the right, unless they say otherwise.
 */
export function layOut(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = Infinity,
): string[] {
  const widths = widthsOf(columns, rows);
  const shown = columnsThatFit(columns, widths, width);
  shorten(shown, columns, widths, width);
  return rows.map((row) => {
    const cells = shown.map((i) => {
      const align = columns[i]!.align ?? (i === 0 ? 'left' : 'right');
      return pad(cut(row[i] ?? '', widths[i]!), widths[i]!, align);
    });
    return cut(cells.join(GAP).trimEnd(), width);
  });
}

/**
 * Lays out rows of cells as `layOut` does, but shortens nothing: what does not fit is left out as a whole column, and
 * `hidden` has the indexes of these. Of the columns of infinite weight the last ones go, but one stays, however wide it is.
 */
export function fitColumns(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width = Infinity,
): { readonly lines: string[]; readonly hidden: number[] } {
  const widths = widthsOf(columns, rows);
  let shown = columnsThatFit(columns, widths, width);
  while (shown.length > 1 && total(shown, widths) > width) shown = shown.slice(0, -1);
  const hidden = columns.flatMap((_, i) => (widths[i]! > 0 && !shown.includes(i) ? [i] : []));
  const pick = <Item>(items: readonly Item[]): Item[] => shown.map((i) => items[i]!);
  return { lines: layOut(pick(columns), rows.map(pick)), hidden };
}

/** Returns a line of parts, without those of little weight that don't fit. */
export function fitLine(parts: readonly (Column & { readonly text: string })[], width: number) {
  const columns = parts.map((part) => ({ align: 'left' as const, ...part }));
  return layOut(columns, [parts.map(({ text }) => text)], width)[0]!;
}

const widthsOf = (columns: readonly Column[], rows: readonly (readonly string[])[]): number[] =>
  columns.map((_, i) => rows.reduce((most, row) => Math.max(most, visibleLength(row[i] ?? '')), 0));

const total = (shown: readonly number[], widths: readonly number[]): number =>
  shown.reduce((sum, i) => sum + widths[i]!, GAP.length * Math.max(0, shown.length - 1));

function columnsThatFit(
  columns: readonly Column[],
  widths: readonly number[],
  width: number,
): number[] {
  let shown = columns.map((_, i) => i).filter((i) => widths[i]! > 0);
  while (total(shown, widths) > width) {
    const least = Math.min(...shown.map((i) => columns[i]!.weight));
    if (least === Infinity) break;
    const dropped = shown.findLast((i) => columns[i]!.weight === least);
    shown = shown.filter((i) => i !== dropped);
  }
  return shown;
}

/** The fewest characters that a cell is shortened to. */
const LEAST_CELL = 4;

function shorten(
  shown: readonly number[],
  columns: readonly Column[],
  widths: number[],
  width: number,
): void {
  const excess = total(shown, widths) - width;
  if (!(excess > 0)) return;
  const texts = shown.filter((i) => (columns[i]!.align ?? (i === 0 ? 'left' : 'right')) === 'left');
  const [widest] = texts.toSorted((a, b) => widths[b]! - widths[a]!);
  if (widest !== undefined) widths[widest] = Math.max(LEAST_CELL, widths[widest]! - excess);
}

function pad(text: string, width: number, align: 'left' | 'right'): string {
  const blanks = ' '.repeat(Math.max(0, width - visibleLength(text)));
  return align === 'left' ? text + blanks : blanks + text;
}

/**
 * Breaks a text into lines at its blanks, so that no line is wider than `width`, unless a single word is; the lines after
 * the first begin with `indent`. A text that has lines of its own keeps them.
 */
export function wrap(text: string, width: number, indent = ''): string[] {
  return text.split('\n').flatMap((line) => wrapLine(line, width, indent));
}

function wrapLine(text: string, width: number, indent: string): string[] {
  if (visibleLength(text) <= width) return [text];
  const lines: string[] = [];
  let line: string | undefined;
  for (const word of text.split(' ')) {
    const longer: string = line === undefined ? word : `${line} ${word}`;
    // A line that has only its indent keeps the word, however long it is.
    if (line === undefined || line.trim() === '' || visibleLength(longer) <= width) {
      line = longer;
      continue;
    }
    lines.push(line.trimEnd());
    line = indent + word;
  }
  return [...lines, (line ?? '').trimEnd()];
}

/** Cuts a text that is too long, and ends it with an ellipsis; a cut text has no colours. */
export function cut(text: string, width: number): string {
  if (visibleLength(text) <= width) return text;
  return `${stripVTControlCharacters(text).slice(0, Math.max(0, width - 1))}…`.slice(0, width);
}
