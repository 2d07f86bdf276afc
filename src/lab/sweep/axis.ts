import { parseKey, type Path } from '../../scenario/document.ts';
import type { Problem } from '../../scenario/problem.ts';
import { measure, write } from './quantity.ts';
import type { SweepFile, Values } from './spec.ts';

/** The whole pages that every page size can divide; the sizes that a range computes are rounded to it. */
const SIZE_STEP = 2 * 1024 * 1024;

/** A key of the scenario with the value that a position of an axis gives it. */
export interface Setting {
  /** The key as it is written, such as `guest.workloads[0].rate`. */
  readonly key: string;
  readonly path: Path;
  /** Where its values stand in the sweep's file. */
  readonly at: Path;
  readonly value: unknown;
}

/** One dimension of a grid. */
export interface Axis {
  /** The keys that it sets; those of `each` one at a time, and those of any other axis together. */
  readonly keys: readonly string[];
  /** What is set at each position. */
  readonly positions: readonly (readonly Setting[])[];
}

/** The settings of one key, one for each of its values. */
type Column = readonly Setting[];

/** Receives what is wrong with a sweep. */
export type Complain = (problem: Problem) => void;

/**
 * Returns the axes of a sweep: those of `vary`, of `zip` and of `each`, each in the order in which they stand in its
 * file. The last one varies fastest.
 */
export function axesOf(file: SweepFile, complain: Complain): Axis[] {
  const axes: Axis[] = [];
  for (const [key, values] of Object.entries(file.vary)) {
    const column = columnOf(key, values, ['vary', key], complain);
    if (column) axes.push({ keys: [key], positions: column.map((setting) => [setting]) });
  }
  for (const [index, group] of file.zip.entries()) {
    const axis = zipped(columnsOf(group, ['zip', index], complain), complain);
    if (axis) axes.push(axis);
  }
  const each = columnsOf(file.each, ['each'], complain);
  if (each.length > 0) {
    const positions = each.flatMap((column) => column.map((setting) => [setting]));
    axes.push({ keys: Object.keys(file.each), positions });
  }
  return axes;
}

function columnsOf(
  group: Readonly<Record<string, Values>>,
  at: Path,
  complain: Complain,
): Column[] {
  return Object.entries(group).flatMap(([key, values]) => {
    const column = columnOf(key, values, [...at, key], complain);
    return column ? [column] : [];
  });
}

/** Returns the axis of keys that vary together; undefined, after a complaint, when one has more values than another. */
function zipped(columns: readonly Column[], complain: Complain): Axis | undefined {
  const [first] = columns;
  if (!first) return undefined;
  const odd = columns.find(({ length }) => length !== first.length);
  if (odd) {
    const sentence = `has ${odd.length} values, ${first[0]!.key} has ${first.length}: keys that vary together have equally many`;
    complain({ path: odd[0]!.at, sentence });
    return undefined;
  }
  const keys = columns.map(([setting]) => setting!.key);
  return { keys, positions: first.map((_, i) => columns.map((column) => column[i]!)) };
}

/** Returns the path of a scenario's key; undefined, after a complaint, when it has another form. */
export function keyPath(key: string, at: Path, complain: Complain): Path | undefined {
  const path = parseKey(key);
  if (!path) {
    complain({
      path: at,
      sentence: 'expected a key of a scenario such as guest.workloads[0].rate',
    });
  }
  return path;
}

function columnOf(key: string, values: Values, at: Path, complain: Complain): Column | undefined {
  const path = keyPath(key, at, complain);
  const listed = Array.isArray(values) ? values : valuesOfRange(values, at, complain);
  return path && listed?.map((value) => ({ key, path, at, value }));
}

type Range = Exclude<Values, unknown[]>;

/**
 * Returns the values of a range, both ends included. Those between the ends are rounded: whole sizes to 2 MiB where the
 * ends are whole multiples of it, and whole numbers where both ends are whole.
 */
function valuesOfRange(range: Range, at: Path, complain: Complain): unknown[] | undefined {
  const [from, to] = [measure(range.from), measure(range.to)];
  if (!from || !to || from.kind !== to.kind) {
    complain({
      path: at,
      sentence: 'from and to must be two numbers, or two quantities of one kind such as 1ms and 1s',
    });
    return undefined;
  }
  const isLog = range.scale === 'log';
  if (isLog && !(from.amount > 0 && to.amount > 0)) {
    complain({ path: at, sentence: 'a range with scale: log must be above 0 at both ends' });
    return undefined;
  }
  const unit = roundingOf(from.kind, [from.amount, to.amount]);
  return Array.from({ length: range.steps }, (_, i) => {
    if (i === 0) return range.from;
    if (i === range.steps - 1) return range.to;
    const share = i / (range.steps - 1);
    const amount = isLog
      ? from.amount * (to.amount / from.amount) ** share
      : from.amount + (to.amount - from.amount) * share;
    return write({ kind: from.kind, amount: unit > 0 ? Math.round(amount / unit) * unit : amount });
  });
}

function roundingOf(kind: string, ends: readonly number[]): number {
  if (kind === 'size') return ends.every((end) => end % SIZE_STEP === 0) ? SIZE_STEP : 4096;
  return ends.every(Number.isInteger) ? 1 : 0;
}
