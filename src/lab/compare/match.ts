import { measure } from '../sweep/quantity.ts';
import type { Cell, Cells } from '../sweep/rows.ts';
import type { CompareResult } from './result.ts';
import type { ComparedRun } from './side.ts';

/** The runs of both sides whose scenarios agree in all keys by which they are matched. */
export interface MatchedPoint {
  readonly scenario: Cells;
  readonly before: readonly ComparedRun[];
  readonly after: readonly ComparedRun[];
}

export interface Matching extends Pick<CompareResult, 'differing' | 'matchedBy' | 'ignored'> {
  /** The points of both sides; those that only one side has, have no runs at the other. */
  readonly points: readonly MatchedPoint[];
}

/**
 * Matches the runs of two sides by their scenarios. A key in which each side has one value, and not the same, is what
 * is compared, so it does not keep runs apart; nor do the keys of `ignored`. All other keys that vary tell points
 * apart.
 */
export function matchRuns(
  before: readonly ComparedRun[],
  after: readonly ComparedRun[],
  ignored: ReadonlySet<string>,
): Matching {
  const identities = new Identities();
  const [old, now] = [valuesOf(before, identities), valuesOf(after, identities)];
  const differing: CompareResult['differing'] = [];
  const matchedBy: string[] = [];
  const leftOut: string[] = [];
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const was = old.get(key) ?? NEVER;
    const is = now.get(key) ?? NEVER;
    const all = new Set([...was.keys(), ...is.keys()]);
    if (all.size === 1) continue;
    if (was.size === 1 && is.size === 1) {
      const [[, from]] = [...was] as [[string, Cell | undefined]];
      const [[, to]] = [...is] as [[string, Cell | undefined]];
      differing.push({
        key,
        ...(from === undefined ? {} : { before: from }),
        ...(to === undefined ? {} : { after: to }),
      });
    } else if (ignored.has(key)) leftOut.push(key);
    else matchedBy.push(key);
  }
  return {
    differing,
    matchedBy,
    ignored: leftOut,
    points: pointsOf(before, after, matchedBy, identities),
  };
}

/** The values of a key that no run has. */
const NEVER: ReadonlyMap<string, Cell | undefined> = new Map([['', undefined]]);

/** Returns the values of each key among runs, by what tells them apart; a run that lacks a key has '' there. */
function valuesOf(
  runs: readonly ComparedRun[],
  identities: Identities,
): Map<string, Map<string, Cell | undefined>> {
  const values = new Map<string, Map<string, Cell | undefined>>();
  const counts = new Map<string, number>();
  for (const { scenario } of runs) {
    for (const [key, value] of Object.entries(scenario)) {
      let known = values.get(key);
      if (!known) values.set(key, (known = new Map<string, Cell | undefined>()));
      const identity = identities.of(value);
      if (!known.has(identity)) known.set(identity, value);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  for (const [key, known] of values) if (counts.get(key)! < runs.length) known.set('', undefined);
  return values;
}

/** What two ways to write one value have in common. Runs have few values of a key, and each is parsed once. */
class Identities {
  readonly #known = new Map<Cell, string>();

  /** Returns the identity of a value, the same for 1GiB and 1024MiB; '' for none. */
  of(value: Cell | undefined): string {
    if (value === undefined) return '';
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const quantity = measure(value);
    const identity = quantity ? String(quantity.amount) : JSON.stringify(value);
    this.#known.set(value, identity);
    return identity;
  }
}

function pointsOf(
  before: readonly ComparedRun[],
  after: readonly ComparedRun[],
  keys: readonly string[],
  identities: Identities,
): MatchedPoint[] {
  interface Growing extends MatchedPoint {
    readonly before: ComparedRun[];
    readonly after: ComparedRun[];
  }
  const points = new Map<string, Growing>();
  const pointOf = ({ scenario }: ComparedRun): Growing => {
    const identity = JSON.stringify(keys.map((key) => identities.of(scenario[key])));
    const known = points.get(identity);
    if (known) return known;
    const there = keys.filter((key) => scenario[key] !== undefined);
    const own = Object.fromEntries(there.map((key) => [key, scenario[key]!]));
    const point: Growing = { scenario: own, before: [], after: [] };
    points.set(identity, point);
    return point;
  };
  for (const run of before) pointOf(run).before.push(run);
  for (const run of after) pointOf(run).after.push(run);
  return [...points.values()];
}

/** The runs of a point that have a seed in common, and all runs, less those that are there twice. */
export interface PairedRuns {
  readonly pairs: readonly { readonly before: ComparedRun; readonly after: ComparedRun }[];
  readonly before: readonly ComparedRun[];
  readonly after: readonly ComparedRun[];
}

/**
 * Pairs the runs of a point whose seed exactly one run of each side has; where keys were ignored, their values make
 * part of a pair as well.
 */
export function pairUp(
  { before, after }: MatchedPoint,
  ignored: readonly string[] = [],
): PairedRuns {
  const [old, now] = [withoutCopies(before), withoutCopies(after)];
  const identities = new Identities();
  const [was, is] = [old, now].map((runs) => bySeed(runs, ignored, identities)) as [Seeds, Seeds];
  const pairs = [...was].flatMap(([seed, olds]) => {
    const news = is.get(seed);
    return olds.length === 1 && news?.length === 1 ? [{ before: olds[0]!, after: news[0]! }] : [];
  });
  return { pairs, before: old, after: now };
}

type Seeds = Map<string, ComparedRun[]>;

function bySeed(
  runs: readonly ComparedRun[],
  ignored: readonly string[],
  identities: Identities,
): Seeds {
  const seeds: Seeds = new Map();
  for (const run of runs) {
    if (run.seed === undefined) continue;
    const key = JSON.stringify([
      run.seed,
      ...ignored.map((one) => identities.of(run.scenario[one])),
    ]);
    const known = seeds.get(key);
    if (known) known.push(run);
    else seeds.set(key, [run]);
  }
  return seeds;
}

/** Leaves out runs without noise that are there already: the same result again is no further sample. */
function withoutCopies(runs: readonly ComparedRun[]): ComparedRun[] {
  const seeds = new Map<unknown, number>();
  for (const { seed } of runs) seeds.set(seed, (seeds.get(seed) ?? 0) + 1);
  const seen = new Set<string>();
  return runs.filter((run) => {
    if (!run.isExact || seeds.get(run.seed) === 1) return true;
    const identity = JSON.stringify([run.seed, run.scenario, run.figures]);
    if (seen.has(identity)) return false;
    seen.add(identity);
    return true;
  });
}
