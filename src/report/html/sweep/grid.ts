import type { Cell, RunRecord } from '../../../lab/sweep/rows.ts';
import { tableOf } from '../../../lab/sweep/table.ts';
import { MIB } from '../../../units/brand.ts';
import type { FigureAxis } from '../chart/figure.ts';

/** A key of scenarios that varies among the runs of a sweep. */
export interface VaryingKey {
  /** The name of its column in the table of runs, such as `link_bandwidthBytesPerSecond`. */
  readonly column: string;
  /** The key as a scenario has it, such as `link.bandwidth`. */
  readonly key: string;
  /** The unit in which axes and tables show it, and the factor from the column's unit to that; absent for names. */
  readonly quantity?: { readonly unit: string; readonly factor: number };
}

/** A run with the values of the keys that vary, by their columns, and its figures. */
export interface GridRun {
  readonly values: ReadonlyMap<string, Cell>;
  readonly record: RunRecord;
}

/** The runs of a sweep, and what varies among them. */
export interface Grid {
  /** Those whose values are numbers. */
  readonly quantities: readonly VaryingKey[];
  /** The others, with the scenario itself when there are several. */
  readonly names: readonly VaryingKey[];
  readonly runs: readonly GridRun[];
}

const UNITS: readonly (readonly [string, string, number])[] = [
  ['BytesPerSecond', 'Gbit/s', 8e-9],
  ['Bytes', 'MiB', 1 / MIB],
  ['Ms', 'ms', 1],
];

/** Returns the runs of a store with what varies among them; seeds are repeats and do not count. */
export function gridOf(records: readonly RunRecord[]): Grid {
  const { columns, rows } = tableOf(records);
  const figures = new Set(records.flatMap(({ result }) => Object.keys(result)));
  const varying = columns
    .map((column, index) => ({ column, index }))
    .filter(({ column }) => column !== 'id' && column !== 'seed' && !figures.has(column))
    .filter(({ index }) => new Set(rows.map((row) => row[index])).size > 1);
  const isNumber = (index: number): boolean =>
    rows.every((row) => row[index] === undefined || typeof row[index] === 'number');
  const keyOf = ({ column, index }: { column: string; index: number }): VaryingKey => {
    const [suffix = '', unit = '', factor = 1] =
      UNITS.find(([ending]) => column.endsWith(ending)) ?? [];
    const key = dotted(suffix === '' ? column : column.slice(0, -suffix.length));
    return { column, key, ...(isNumber(index) ? { quantity: { unit, factor } } : {}) };
  };
  const keys = varying.map(keyOf);
  return {
    quantities: keys.filter(({ quantity }) => quantity),
    names: keys.filter(({ quantity }) => !quantity),
    runs: records.map((record, at) => ({
      record,
      values: new Map(
        varying.flatMap(({ column, index }) => {
          const value = rows[at]![index];
          return value === undefined ? [] : [[column, value] as const];
        }),
      ),
    })),
  };
}

/** Returns the key of a column as a scenario has it: `guest_workloads_0_rate` is `guest.workloads[0].rate`. */
const dotted = (column: string): string =>
  column.replaceAll(/_(\d+)(?=_|$)/g, '[$1]').replaceAll('_', '.');

/** Returns the value of a quantity in the unit in which it is shown; undefined where a run has none. */
export function amountOf(
  { values }: GridRun,
  { column, quantity }: VaryingKey,
): number | undefined {
  const value = values.get(column);
  return typeof value === 'number' ? value * (quantity?.factor ?? 1) : undefined;
}

export const axisOf = ({ key, quantity }: VaryingKey): FigureAxis => ({
  label: key,
  unit: quantity?.unit === '' ? undefined : quantity?.unit,
});

/**
 * Returns the runs that show what one quantity does. Where the keys vary one at a time around a base, these are the runs
 * in which no other quantity differs from its base; in a whole grid, they are all runs.
 */
export function runsAlong({ quantities, runs }: Grid, along: VaryingKey): readonly GridRun[] {
  if (quantities.length < 2) return runs;
  const bases = quantities.map((key) => ({ key, base: commonest(runs, key) }));
  const departures = (run: GridRun, except?: VaryingKey): number =>
    bases.filter(({ key, base }) => key !== except && run.values.get(key.column) !== base).length;
  const isStar = runs.every((run) => departures(run) <= 1);
  return isStar ? runs.filter((run) => departures(run, along) === 0) : runs;
}

function commonest(runs: readonly GridRun[], { column }: VaryingKey): Cell | undefined {
  const counts = new Map<Cell | undefined, number>();
  for (const { values } of runs)
    counts.set(values.get(column), (counts.get(values.get(column)) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a)[0]?.[0];
}
