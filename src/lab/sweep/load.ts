import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Path, ScenarioDocument } from '../../scenario/document.ts';
import { formatKey, InputError } from '../../scenario/input-error.ts';
import {
  type LoadedScenario,
  isFileName,
  loadDocument,
  type Override,
  readSource,
} from '../../scenario/load.ts';
import { explained, refuse } from '../../scenario/parse.ts';
import type { Problem } from '../../scenario/problem.ts';
import { scenarioSchema } from '../../scenario/schema.ts';
import { type Axis, axesOf, keyPath, type Setting } from './axis.ts';
import { MOST_POINTS, SWEEP_KEYS, type SweepFile, sweepSchema } from './spec.ts';
import { type Condition, ConditionError, parseCondition } from './where.ts';

/** src/lab/sweep and dist/lab/sweep lie equally deep below the package. */
export const SWEEP_PRESET_FOLDER = fileURLToPath(
  new URL('../../../fixtures/sweeps', import.meta.url),
);

/** A scenario of which a sweep makes variants. */
interface Base {
  /** What the rows of its runs call it. */
  readonly label: string;
  /** What the files that it names are relative to. */
  readonly folder: string;
  /** Opens a copy of it, whose keys can be set. */
  open(): ScenarioDocument;
}

/** One run of a sweep. */
export interface Point extends LoadedScenario {
  readonly index: number;
  /** The scenario that it is a variant of. */
  readonly label: string;
}

/** A sweep whose file has been read and is right, as far as that shows without looking at each point. */
export class Sweep {
  readonly name: string;
  /** What messages call its file. */
  readonly source: string;
  /** The text of its file, which a store keeps. */
  readonly text: string;
  /** The number of points of its grid, those included that its conditions leave out; each seed counts. */
  readonly points: number;
  readonly #document: ScenarioDocument;
  readonly #file: SweepFile;
  readonly #folder: string;
  readonly #bases: readonly Base[];
  /** What `set` sets in all runs. */
  readonly #base: readonly Setting[];
  readonly #axes: readonly Axis[];
  readonly #conditions: readonly Condition[];
  readonly #sets: readonly Override[];
  /** The memory that was free at the start; runs of this sweep take some of it later. */
  readonly #availableBytes = process.availableMemory();

  /**
   * Reads a sweep from its text; `source` is what messages call it, and its paths are relative to `folder`. `sets`
   * override keys of every scenario. Without `hasLines` the text is a value of a program. Throws InputError.
   */
  constructor(
    source: string,
    text: string,
    folder: string,
    sets: readonly Override[] = [],
    hasLines = true,
  ) {
    const openFile = (): ScenarioDocument => new ScenarioDocument(source, text, hasLines);
    const document = openFile();
    const parsed = sweepSchema.safeParse(document.value());
    if (!parsed.success) throw explained(document, parsed.error.issues, sweepSchema);
    const problems: Problem[] = [];
    const complain = (problem: Problem): void => void problems.push(problem);
    const file = parsed.data;
    this.#document = document;
    this.#file = file;
    this.#folder = folder;
    this.#sets = sets;
    this.#axes = axesOf(file, complain);
    this.#conditions = file.where.map((condition, i) =>
      conditionOf(condition, ['where', i], complain),
    );
    this.#base = Object.entries(file.set).flatMap(([key, value]) => {
      const at = ['set', key];
      const path = keyPath(key, at, complain);
      return path ? [{ key, path, at, value }] : [];
    });
    this.points =
      Math.max(1, file.scenarios?.length ?? 1) *
      this.#axes.reduce((product, { positions }) => product * positions.length, 1) *
      file.repeats;
    for (const problem of problemsOf(file, this.points)) complain(problem);
    refuse(document, problems);
    this.name = file.name;
    this.source = source;
    this.text = text;
    this.#bases = basesOf(file, document, openFile, folder);
  }

  /** Its axes, in the order in which they vary; the last one varies fastest. */
  get axes(): readonly Axis[] {
    return this.#axes;
  }

  /** Returns what a point of the grid, 0 to `points` − 1, is: the scenario that it varies, and what its axes set. */
  place(index: number): { readonly label: string; readonly settings: readonly Setting[] } {
    const { base, settings } = this.#at(index);
    return { label: base.label, settings };
  }

  /**
   * Returns a point of the grid, 0 to `points` − 1; undefined when a condition leaves it out. The seeds of a point
   * follow one another, and of the axes the last one varies fastest. Throws InputError when the point is no scenario.
   */
  point(index: number): Point | undefined {
    const { base, settings } = this.#at(index);
    try {
      return this.#load(base, settings, index);
    } catch (error) {
      if (!(error instanceof InputError) || this.points === 1) throw error;
      const parts = settings.map(({ key, value }) => `${key} = ${JSON.stringify(value)}`);
      const at = [...(this.#bases.length > 1 ? [base.label] : []), ...parts].join(', ');
      const problems = error.problems.map((problem) => ({
        ...problem,
        sentence: at === '' ? problem.sentence : `${problem.sentence} (at ${at})`,
      }));
      throw new InputError(problems, error.more);
    }
  }

  #at(index: number): { base: Base; settings: Setting[] } {
    let rest = Math.floor(index / this.#file.repeats);
    const settings: Setting[] = [];
    for (const { positions } of this.#axes.toReversed()) {
      settings.unshift(...positions[rest % positions.length]!);
      rest = Math.floor(rest / positions.length);
    }
    return { base: this.#bases[rest]!, settings };
  }

  #load(base: Base, settings: readonly Setting[], index: number): Point | undefined {
    const scenario = base.open();
    const place = (path: Path): string => this.#document.place(path, 'value');
    for (const { path, value, at } of [...this.#base, ...settings])
      scenario.setKey(path, value, place(at));
    for (const one of this.#sets) {
      if (typeof one === 'string') scenario.set(one);
      else scenario.setFlag(one);
    }
    const seed = index % this.#file.repeats;
    if (this.#file.repeats > 1) {
      const first = (scenario.value() as { seed?: unknown }).seed ?? 1;
      if (typeof first === 'number') scenario.setKey(['seed'], first + seed, place(['repeats']));
    }
    if (!this.#isWanted(scenario)) return undefined;
    const folderOf = (path: Path): string => (scenario.isSet(path) ? this.#folder : base.folder);
    return { index, label: base.label, ...loadDocument(scenario, folderOf, this.#availableBytes) };
  }

  /** Whether a scenario meets all conditions; they see its defaults, and they may leave out what would be wrong. */
  #isWanted(scenario: ScenarioDocument): boolean {
    if (this.#conditions.length === 0) return true;
    const parsed = scenarioSchema.safeParse(scenario.value());
    if (!parsed.success) return true;
    const valueOf = (path: Path): unknown =>
      path.reduce<unknown>(
        (at, part) => (at as Record<string | number, unknown> | undefined)?.[part],
        parsed.data,
      );
    return this.#conditions.every((condition, i) => {
      try {
        return condition(valueOf);
      } catch (error) {
        if (!(error instanceof ConditionError)) throw error;
        const place = this.#document.place(['where', i], 'value');
        throw new InputError([{ place, key: `where[${i}]`, sentence: error.message }]);
      }
    });
  }
}

/** Loads a sweep from a file, or from standard input for `-`. Throws InputError. */
export function loadSweep(name: string, sets: readonly Override[] = []): Sweep {
  const { source, content, folder } = readSource(name, SWEEP_PRESET_FOLDER);
  return new Sweep(source, content, folder, sets);
}

function conditionOf(text: string, path: Path, complain: (problem: Problem) => void): Condition {
  try {
    return parseCondition(text);
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    complain({ path, sentence: error.message });
    return () => true;
  }
}

/** Returns what is wrong with a sweep whose keys are each right. */
function problemsOf(file: SweepFile, points: number): Problem[] {
  const problems: Problem[] = [];
  if ((file.scenario === undefined) === (file.scenarios === undefined)) {
    problems.push({
      path: file.scenario === undefined ? [] : ['scenarios'],
      sentence: 'expected either scenario, which is varied, or scenarios, a list of them',
    });
  }
  if (points > MOST_POINTS) {
    const sentence = `the grid has ${points} points, a sweep has at most ${MOST_POINTS}: leave out some values or repeats`;
    problems.push({ path: [], sentence });
  }
  const seen = new Map<string, Path>();
  const named: [string, Path][] = [
    ...Object.keys(file.set).map((key): [string, Path] => [key, ['set', key]]),
    ...Object.keys(file.vary).map((key): [string, Path] => [key, ['vary', key]]),
    ...Object.keys(file.each).map((key): [string, Path] => [key, ['each', key]]),
    ...file.zip.flatMap((group, i) =>
      Object.keys(group).map((key): [string, Path] => [key, ['zip', i, key]]),
    ),
  ];
  for (const [key, path] of named) {
    const before = seen.get(key);
    if (before)
      problems.push({ path, sentence: `${formatKey(before.slice(0, -1))} sets it already` });
    seen.set(key, path);
  }
  if (file.repeats > 1 && seen.has('seed')) {
    problems.push({
      path: seen.get('seed')!,
      sentence: 'repeats sets the seeds: leave one of them out',
    });
  }
  return problems;
}

function basesOf(
  file: SweepFile,
  sweep: ScenarioDocument,
  openFile: () => ScenarioDocument,
  folder: string,
): Base[] {
  if (typeof file.scenario === 'object') {
    const open = (): ScenarioDocument => {
      const document = openFile();
      document.openKey('scenario');
      return document;
    };
    return [{ label: file.name, folder, open }];
  }
  const names = file.scenarios ?? [file.scenario as string];
  return names.map((label, i) => {
    // A file is found from the sweep's own folder.
    const read = readSource(isFileName(label) ? resolve(folder, label) : label);
    const open = (): ScenarioDocument => {
      const document = new ScenarioDocument(read.source, read.content);
      document.openResult();
      return document;
    };
    const key = SWEEP_KEYS.find((one) => hasKey(open().value(), one));
    if (key !== undefined) {
      const sentence = `${label} is a sweep itself, as it has the key ${key}: name a scenario`;
      refuse(sweep, [{ path: file.scenarios ? ['scenarios', i] : ['scenario'], sentence }]);
    }
    return { label, folder: read.folder, open };
  });
}

const hasKey = (value: unknown, key: string): boolean =>
  typeof value === 'object' && value !== null && Object.hasOwn(value, key);
