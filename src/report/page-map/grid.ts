import type { PageMap, PageMapColumn } from '../../result/page-map.ts';

/** What the cells of a row count; each has colours of its own. `zero` are cells most of whose pages went out as zero pages. */
export const KINDS = ['sent', 'zero', 'dirtied', 'requested'] as const;
export type Kind = (typeof KINDS)[number];

/** The upper bounds of the shares of a cell's pages that the classes stand for; the last class has larger ones. */
export const SHARES = [0.01, 0.03, 0.1, 0.3, 1] as const;

/** Rectangles of one kind and one class, side by side in a row: for each its first page and the page behind its last. */
export interface Strip {
  readonly kind: Kind;
  readonly level: number;
  readonly from: number;
  readonly to: number;
}

export interface GridOptions {
  /** The pages of the guest. */
  readonly pages: number;
  /** Bins are joined in pairs until there are at most this many. */
  readonly mostCells: number;
}

/** Returns the class of a share of a cell's pages, or undefined if there are none. */
export function levelOf(share: number): number | undefined {
  if (!(share > 0)) return undefined;
  const level = SHARES.findIndex((most) => share <= most);
  return level < 0 ? SHARES.length : level;
}

/** Returns which pages of a column were wanted: those that were dirtied, or those that faults asked for. */
export const wantedKind = ({ kind }: PageMapColumn): Kind =>
  kind === 'postcopy' ? 'requested' : 'dirtied';

/** Divides the bins of a page map into the cells of a chart, in which bins may be joined. */
export class Grid {
  readonly cells: number;
  readonly #pages: number;
  readonly #cellPages: number;
  readonly #binsEach: number;
  readonly #bins: number;

  constructor({ bins, binPages }: Pick<PageMap, 'bins' | 'binPages'>, options: GridOptions) {
    let binsEach = 1;
    while (Math.ceil(bins / binsEach) > options.mostCells) binsEach *= 2;
    this.#binsEach = binsEach;
    this.#bins = bins;
    this.#pages = options.pages;
    this.#cellPages = binsEach * binPages;
    this.cells = Math.ceil(bins / binsEach);
  }

  /** Returns the first page of a cell; that of the cell behind the last one is the guest's end. */
  startOf(cell: number): number {
    return Math.min(this.#pages, cell * this.#cellPages);
  }

  /** Returns how many counts a page of the cell has on average. */
  shareOf(counts: ArrayLike<number>, cell: number): number {
    let sum = 0;
    const end = Math.min(this.#bins, (cell + 1) * this.#binsEach);
    for (let bin = cell * this.#binsEach; bin < end; bin++) sum += counts[bin]!;
    return sum / (this.startOf(cell + 1) - this.startOf(cell));
  }

  /** Returns what a column has of a kind, as strips of equal cells; what was sent may be of kind `zero` as well. */
  stripsOf(column: PageMapColumn, kind: Kind): Strip[] {
    return this.#strips((cell) => {
      const share = this.shareOf(column[kind], cell);
      const isZero = kind === 'sent' && this.shareOf(column.zero, cell) > share / 2;
      return [isZero ? 'zero' : kind, levelOf(share)];
    });
  }

  #strips(look: (cell: number) => readonly [Kind, number | undefined]): Strip[] {
    const strips: { kind: Kind; level: number; from: number; to: number }[] = [];
    for (let cell = 0; cell < this.cells; cell++) {
      const [kind, level] = look(cell);
      if (level === undefined) continue;
      const [from, to] = [this.startOf(cell), this.startOf(cell + 1)];
      const last = strips.at(-1);
      const goesOn = last?.to === from && last.kind === kind && last.level === level;
      if (goesOn) last.to = to;
      else strips.push({ kind, level, from, to });
    }
    return strips;
  }
}
