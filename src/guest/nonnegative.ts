/** A column or a right-hand side of a system of equations. */
export type Column = readonly number[];

/** A column whose part that is new is smaller than this share of it counts as a sum of the columns before it. */
const DEPENDENT = 1e-9;
/** A column is of no more use once it leaves less than this share of the right-hand side to explain. */
const USELESS = 1e-10;
const TURNS = 10;

/**
 * Returns the factors, none of them negative, with which the columns come closest to `target` in the sum of squares
 * (Lawson and Hanson, Solving Least Squares Problems, 1974, chapter 23: algorithm NNLS). At most as many factors as the
 * target has rows are above 0. The same input gives the same bits on any machine.
 */
export function nonNegativeFit(columns: readonly Column[], target: Column): number[] {
  const factors = columns.map(() => 0);
  const active: number[] = [];
  const refused = new Set<number>();
  // Each turn makes the fit closer or refuses a column; the bound is for rounding errors, which might make it circle.
  for (let turn = 0; turn < TURNS * columns.length; turn++) {
    const left = residual(columns, factors, target);
    const next = bestColumn(columns, left, target, active, refused);
    if (next === undefined) break;
    active.push(next);
    settle(columns, target, active, factors);
    if (active.includes(next)) refused.clear();
    else refused.add(next);
  }
  return factors;
}

/** Returns the column that points most in the direction of what is left; undefined when none would help. */
function bestColumn(
  columns: readonly Column[],
  left: Column,
  target: Column,
  active: readonly number[],
  refused: ReadonlySet<number>,
): number | undefined {
  let best: number | undefined;
  let most = USELESS * length(target);
  if (active.length >= target.length) return undefined;
  columns.forEach((column, index) => {
    if (refused.has(index) || active.includes(index)) return;
    const along = dot(column, left) / length(column);
    if (along <= most) return;
    best = index;
    most = along;
  });
  return best;
}

/**
 * Moves the factors of the active columns to their best values. A column whose factor would become negative on the way
 * is dropped, and so is the newest one if it is of no use beside the others.
 */
function settle(
  columns: readonly Column[],
  target: Column,
  active: number[],
  factors: number[],
): void {
  const newest = active.at(-1)!;
  for (;;) {
    const best = solve(
      active.map((index) => columns[index]!),
      target,
    );
    if (!best || (factors[newest] === 0 && active.at(-1) === newest && best.at(-1)! <= 0)) {
      active.pop();
      return;
    }
    // So much of the way to the best values can be gone before a factor is 0.
    const way = active.map((index, k) =>
      best[k]! > 0 ? 1 : factors[index]! / (factors[index]! - best[k]!),
    );
    const share = Math.min(1, ...way);
    active.forEach((index, k) => {
      factors[index]! += share * (best[k]! - factors[index]!);
    });
    if (share === 1) return;
    drop(active, factors, way);
  }
}

/** Drops the active columns that have come to the end of their way. */
function drop(active: number[], factors: number[], way: readonly number[]): void {
  const least = Math.min(...way);
  for (let k = active.length - 1; k >= 0; k--) {
    if (way[k]! > least) continue;
    factors[active[k]!] = 0;
    active.splice(k, 1);
  }
}

/** Solves the least squares problem of a few columns by Gram and Schmidt; undefined when they depend on each other. */
function solve(columns: readonly Column[], target: Column): number[] | undefined {
  const units: number[][] = [];
  const upper: number[][] = [];
  for (const column of columns) {
    let rest = [...column];
    const parts = units.map(() => 0);
    // The second time removes what rounding errors have left of the other columns.
    for (let time = 0; time < 2; time++) {
      for (const [k, unit] of units.entries()) {
        const along = dot(unit, rest);
        parts[k]! += along;
        rest = rest.map((value, row) => value - along * unit[row]!);
      }
    }
    const size = length(rest);
    if (size <= DEPENDENT * length(column)) return undefined;
    units.push(rest.map((value) => value / size));
    upper.push([...parts, size]);
  }
  const factors = units.map((unit) => dot(unit, target));
  for (let k = factors.length - 1; k >= 0; k--) {
    factors[k]! /= upper[k]![k]!;
    for (let row = 0; row < k; row++) factors[row]! -= upper[k]![row]! * factors[k]!;
  }
  return factors;
}

function residual(columns: readonly Column[], factors: readonly number[], target: Column) {
  return target.map((value, row) =>
    columns.reduce((left, column, k) => left - factors[k]! * column[row]!, value),
  );
}

function dot(a: Column, b: Column): number {
  return a.reduce((sum, value, row) => sum + value * b[row]!, 0);
}

function length(column: Column): number {
  return Math.sqrt(dot(column, column));
}
