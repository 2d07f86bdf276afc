import { MIB } from '../../units/brand.ts';
import { type Quartiles, quartiles } from '../statistics.ts';
import type { Sweep } from './load.ts';
import { measure, type QuantityKind } from './quantity.ts';
import type { RunRecord } from './rows.ts';

/** What the runs with one value of a panel's key have in common. */
export interface PanelPoint {
  readonly x: number;
  readonly y: Quartiles;
}

/** A figure over one key of a sweep, for the runs that agree in all keys that are no quantities. */
export interface PanelSeries {
  readonly name: string;
  /** `run`: quartiles over the runs; `model`: what a formula says. */
  readonly kind: 'run' | 'model';
  readonly points: readonly PanelPoint[];
}

/** How a figure depends on one key of a sweep's scenarios. */
export interface Panel {
  readonly key: string;
  /** The unit of `x`. */
  readonly unit: string;
  /** The figure, such as `downtimeMs`. */
  readonly figure: string;
  readonly series: readonly PanelSeries[];
}

/** The units in which axes show quantities, with their sizes. */
const UNITS: Readonly<Record<QuantityKind, readonly [string, number]>> = {
  number: ['', 1],
  size: ['MiB', MIB],
  rate: ['Gbit/s', 125e6],
  duration: ['ms', 1e6],
};

/** The formulas of migration/models.ts whose predictions are drawn beside a figure. */
const MODELS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  totalTimeMs: [
    ['one copy of the memory', 'models_bounds_totalTimeMs_low'],
    ['geometric series', 'models_geometric_totalTimeMs'],
  ],
  downtimeMs: [['geometric series', 'models_geometric_downtimeMs']],
};

/** A run with its place in the grid. */
interface Placed {
  readonly record: RunRecord;
  readonly series: string;
  readonly settings: readonly { readonly key: string; readonly value: unknown }[];
}

/**
 * Returns a panel for each figure and each key of a sweep that has at least two values, all of them quantities of one
 * kind. Runs that differ in keys that are no quantities are series of their own; what else they differ in is in the
 * quartiles. Runs that did not complete are left out.
 */
export function panelsOf(
  sweep: Sweep,
  idOfPoint: ReadonlyMap<number, string>,
  records: readonly RunRecord[],
  figures: readonly string[],
): Panel[] {
  const byId = new Map(records.map((record) => [record.id, record]));
  const keys = sweep.axes.flatMap((axis) =>
    axis.keys.flatMap((key) => {
      const kind = kindOf(axis.positions.flat().filter((setting) => setting.key === key));
      return kind ? [{ key, kind }] : [];
    }),
  );
  const isQuantity = new Set(keys.map(({ key }) => key));
  const isSeveral =
    new Set([...idOfPoint.keys()].map((index) => sweep.place(index).label)).size > 1;
  const placed = [...idOfPoint].flatMap(([index, id]): Placed[] => {
    const record = byId.get(id);
    if (!record) return [];
    const { label, settings } = sweep.place(index);
    const names = settings.flatMap(({ key, value }) =>
      isQuantity.has(key) ? [] : [typeof value === 'string' ? value : JSON.stringify(value)],
    );
    const parts = isSeveral ? [label, ...names] : names;
    return [{ record, series: parts.join(', ') || label, settings }];
  });
  return figures.flatMap((figure) =>
    keys.map(({ key, kind }) => panelOf(key, kind, figure, placed)),
  );
}

/** Returns what the values of a key measure, when there are several and they all measure the same. */
function kindOf(settings: readonly { readonly value: unknown }[]): QuantityKind | undefined {
  const kinds = new Set(settings.map(({ value }) => measure(value)?.kind));
  const values = new Set(settings.map(({ value }) => measure(value)?.amount));
  // Values without a unit, such as 0 or a number of bytes, are of the kind that the others have.
  if (kinds.size > 1) kinds.delete('number');
  const [kind] = kinds;
  return kinds.size === 1 && values.size > 1 ? kind : undefined;
}

function panelOf(
  key: string,
  kind: QuantityKind,
  figure: string,
  placed: readonly Placed[],
): Panel {
  const [unit, scale] = UNITS[kind];
  const here = placed.flatMap(({ record, series, settings }) => {
    const setting = settings.find((one) => one.key === key);
    return setting ? [{ record, series, x: measure(setting.value)!.amount / scale }] : [];
  });
  const names = [...new Set(here.map(({ series }) => series))];
  const series = names.map((name): PanelSeries => {
    const own = here.filter((one) => one.series === name);
    return { name, kind: 'run', points: pointsOf(own, figure) };
  });
  const models = (MODELS[figure] ?? []).map(([name, figureOfModel]): PanelSeries => ({
    name,
    kind: 'model',
    points: pointsOf(here, figureOfModel),
  }));
  return { key, unit, figure, series: [...series, ...models] };
}

function pointsOf(
  runs: readonly { readonly record: RunRecord; readonly x: number }[],
  figure: string,
): PanelPoint[] {
  const values = new Map<number, number[]>();
  for (const { record, x } of runs) {
    const value = record.result[figure];
    if (record.result['outcome'] !== 'completed' || typeof value !== 'number') continue;
    const list = values.get(x);
    if (list) list.push(value);
    else values.set(x, [value]);
  }
  return [...values].toSorted(([a], [b]) => a - b).map(([x, list]) => ({ x, y: quartiles(list) }));
}
