/** Counts of pages by bin of consecutive gfns, over some time of a migration. */
export interface PageColumn {
  /** Pages that were sent, and those of them that were sent as zero pages. */
  readonly sent: Uint32Array;
  readonly zero: Uint32Array;
  /** Pages that harvests have found dirty. */
  readonly dirtied: Uint32Array;
  /** Requests of demand faults. */
  readonly requested: Uint32Array;
}

/** Returns a column of zeros. */
export const emptyColumn = (bins: number): PageColumn => ({
  sent: new Uint32Array(bins),
  zero: new Uint32Array(bins),
  dirtied: new Uint32Array(bins),
  requested: new Uint32Array(bins),
});

/**
 * Columns over consecutive steps, such as rounds or milliseconds. There is never more than a given number of them:
 * when a step would need another one, neighbours are added up in pairs, so that each column has twice as many steps.
 */
export class ColumnSeries {
  readonly #bins: number;
  readonly #most: number;
  #columns: PageColumn[] = [];
  #stepsEach = 1;

  /** `most` must be even. */
  constructor(bins: number, most: number) {
    this.#bins = bins;
    this.#most = most;
  }

  /** The number of steps that each column has. */
  get stepsEach(): number {
    return this.#stepsEach;
  }

  /** The columns up to the last one that `at` has returned. */
  get columns(): readonly PageColumn[] {
    return this.#columns;
  }

  /** Returns the column of a step, which counts from 0. */
  at(step: number): PageColumn {
    while (Math.floor(step / this.#stepsEach) >= this.#most) this.#halve();
    const index = Math.floor(step / this.#stepsEach);
    while (this.#columns.length <= index) this.#columns.push(emptyColumn(this.#bins));
    return this.#columns[index]!;
  }

  #halve(): void {
    this.#stepsEach *= 2;
    const halved: PageColumn[] = [];
    for (let i = 0; i < this.#columns.length; i += 2) {
      const column = this.#columns[i]!;
      const next = this.#columns[i + 1];
      if (next) addColumn(column, next);
      halved.push(column);
    }
    this.#columns = halved;
  }
}

function addColumn(to: PageColumn, from: PageColumn): void {
  for (const name of ['sent', 'zero', 'dirtied', 'requested'] as const) {
    for (let bin = 0; bin < to[name].length; bin++) to[name][bin]! += from[name][bin]!;
  }
}
