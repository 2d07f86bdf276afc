import { type LoadedEvacuation, loadEvacuationDocument } from '../../fleet/evacuation/load.ts';
import { type LoadedFleet, loadFleetDocument } from '../../fleet/datacentre/load.ts';
import { type LoadedHost, loadHostDocument } from '../../fleet/host/load.ts';
import { type LoadedProtection, loadProtectDocument } from '../../fleet/protect/load.ts';
import type { Path, ScenarioDocument } from '../../scenario/document.ts';
import { formatKey, InputError, type InputProblem } from '../../scenario/input-error.ts';
import { foldersOf, loadDocument, type LoadedScenario, loadScenario } from '../../scenario/load.ts';
import { nearest } from '../../scenario/suggest.ts';
import { type ExperimentFile, openExperiment, readExperiment, type Sweep } from './experiment.ts';
import { FUNCTIONS } from './functions.ts';
import { type OnRun, resultOf } from './result-of.ts';
import { type Figures, type Outcome, type OutcomeSeries, pointOf } from './outcome.ts';

/**
 * Runs an experiment of fixtures/papers in the virtual runtime. Throws InputError when its file has a mistake, and an
 * Error when a run goes wrong.
 */
export async function runExperiment(
  name: string,
  onRun: OnRun = () => undefined,
): Promise<Outcome> {
  const file = readExperiment(name);
  const figures = await ('function' in file
    ? compute(name, file, onRun)
    : sweep(name, file, onRun));
  const { title, paper, about, fitted, notes } = file;
  return { format: 'pageferry/paper@1', name, title, paper, about, ...figures, fitted, notes };
}

function compute(
  name: string,
  file: Extract<ExperimentFile, { function: string }>,
  onRun: OnRun,
): Promise<Figures> {
  const figuresOf = FUNCTIONS.get(file.function);
  if (!figuresOf) {
    const guess = nearest(file.function, [...FUNCTIONS.keys()]);
    const hint =
      guess === undefined
        ? `expected ${[...FUNCTIONS.keys()].join(', ')}`
        : `did you mean ${guess}?`;
    throw mistake(name, ['function'], `"${file.function}" is no function of experiments: ${hint}`);
  }
  const { scenario, host, evacuation, protection, fleet, data } = file;
  const load = (sets: readonly string[] = []): LoadedScenario => {
    if (scenario === undefined) {
      throw mistake(name, ['scenario'], `is missing: the function ${file.function} runs it`);
    }
    return loadFor(name, scenario, sets);
  };
  const loadHost = (sets: readonly string[] = []): LoadedHost => {
    if (host === undefined) {
      throw mistake(name, ['host'], `is missing: the function ${file.function} lets it live`);
    }
    return loadHostDocument(openPart(name, 'host', sets), process.cwd());
  };
  const loadEvacuation = (sets: readonly string[] = []): LoadedEvacuation => {
    if (evacuation === undefined) {
      throw mistake(name, ['evacuation'], `is missing: the function ${file.function} plays it`);
    }
    return loadEvacuationDocument(openPart(name, 'evacuation', sets), process.cwd());
  };
  const loadProtection = (sets: readonly string[] = []): LoadedProtection => {
    if (protection === undefined) {
      throw mistake(name, ['protection'], `is missing: the function ${file.function} lets it live`);
    }
    return loadProtectDocument(openPart(name, 'protection', sets), process.cwd());
  };
  const loadFleet = (sets: readonly string[] = []): LoadedFleet => {
    if (fleet === undefined) {
      throw mistake(name, ['fleet'], `is missing: the function ${file.function} lets it live`);
    }
    return loadFleetDocument(openPart(name, 'fleet', sets), process.cwd());
  };
  const loads = { load, loadHost, loadEvacuation, loadProtection, loadFleet };
  return figuresOf(onRun, { ...loads, data });
}

async function sweep(name: string, file: Sweep, onRun: OnRun): Promise<Figures> {
  const { sets, cases, ...x } = file.x;
  const values = cases ? cases.map((_, index) => index + 1) : file.x.values;
  const all = file.series.length * (values?.length ?? 1);
  const series: OutcomeSeries[] = [];
  let done = 0;
  for (const [
    place,
    { name: label, goal, goalFrom, goalTo, unverified, ...one },
  ] of file.series.entries()) {
    const oursIn = (facts: object): number =>
      oursOf(facts, one, (key, sentence) => mistake(name, ['series', place, key], sentence));
    const points = [];
    const goalAt = (at: number): number | undefined =>
      at >= goalFrom && at <= goalTo ? goal : undefined;
    for (const [index, value] of (values ?? [undefined]).entries()) {
      const own = cases?.[index]?.sets ?? [];
      const atX = [...sets.map((set) => set.replaceAll('{x}', String(value))), ...own];
      const result = await resultOf(loadFor(name, file.scenario, [...atX, ...one.sets]));
      onRun(++done, all);
      if (value !== undefined) {
        const ours = oursIn(result);
        points.push(pointOf(value, one.paper[index] ?? null, ours, { goal: goalAt(value) }));
        continue;
      }
      if (one.whole) {
        const ours = oursIn(result);
        points.push(pointOf(result.rounds.length, one.paper[0] ?? null, ours, { goal }));
        continue;
      }
      for (const [round, facts] of result.rounds.entries()) {
        const ours = oursIn(facts);
        const at = round + 1;
        points.push(pointOf(at, one.paper[round] ?? null, ours, { goal: goalAt(at) }));
      }
    }
    const goals = goal === undefined ? {} : { goal };
    const aside = one.whole || !one.chart ? { isAside: true } : {};
    series.push({ name: label, isUnverified: unverified, ...goals, ...aside, points });
  }
  const names = cases ? { names: cases.map((one) => one.name) } : {};
  return { x: { label: x.label, unit: x.unit, log: x.log, ...names }, y: file.y, series };
}

/** Opens a part of an experiment, such as its scenario or its host, whose keys keep their places in the experiment's file. */
function openPart(
  name: string,
  key: 'scenario' | 'host' | 'evacuation' | 'protection' | 'fleet',
  sets: readonly string[],
): ScenarioDocument {
  const document = openExperiment(name);
  document.openKey(key);
  for (const set of sets) document.set(set);
  return document;
}

/** Loads the scenario of an experiment; messages have their places in the experiment's file. */
function loadFor(
  name: string,
  scenario: Sweep['scenario'],
  sets: readonly string[],
): LoadedScenario {
  try {
    if (typeof scenario === 'string') return loadScenario(scenario, sets);
    const document = openPart(name, 'scenario', sets);
    return loadDocument(document, foldersOf(document, process.cwd()));
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    // Nobody has typed the overrides; they stand in the file.
    const placed = error.problems.map((problem): InputProblem => {
      const document = openExperiment(name);
      if (problem.place === '--set') return { ...problem, place: `${document.source} sets` };
      if (problem.place !== scenario) return problem;
      const place = document.place(['scenario'], 'value');
      return { place, key: 'scenario', sentence: `"${scenario}" ${problem.sentence}` };
    });
    throw new InputError(placed, error.more);
  }
}

/** Returns the error that a key of an experiment's file has a mistake. */
function mistake(name: string, path: Path, sentence: string): InputError {
  const place = openExperiment(name).place(path, 'value');
  return new InputError([{ place, key: formatKey(path), sentence }]);
}

type Ours = Pick<Sweep['series'][number], 'ours' | 'shareWith' | 'per'>;
type Mistake = (key: 'ours' | 'shareWith', sentence: string) => InputError;

function oursOf(result: object, { ours, shareWith, per }: Ours, mistakeAt: Mistake): number {
  const numberAt = (key: 'ours' | 'shareWith', path: string): number => {
    const value = valueAt(result, path);
    if (typeof value === 'number') return value;
    throw mistakeAt(key, `"${path}" is no number of a result: docs/reference/result.md names them`);
  };
  const value = numberAt('ours', ours);
  if (shareWith === undefined) return value / per;
  return value / (value + numberAt('shareWith', shareWith)) / per;
}

/** Returns what is at a path such as `ram.normal` or `rounds[0].bytes`. */
function valueAt(result: object, path: string): unknown {
  return path
    .split(/[.[\]]+/)
    .filter(Boolean)
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], result);
}
