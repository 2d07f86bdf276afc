import { type LoadedScenario, loadScenario, loadScenarioText } from '../../scenario/load.ts';
import { type ExperimentFile, readExperiment, type Sweep } from './experiment.ts';
import { FUNCTIONS } from './functions.ts';
import { type OnRun, resultOf } from './result-of.ts';
import { type Figures, type Outcome, type OutcomeSeries, pointOf } from './outcome.ts';

/** Runs an experiment of fixtures/papers in the virtual runtime. Throws an Error when it can't be run. */
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
  if (!figuresOf) throw new Error(`there is no function ${file.function}`);
  const { scenario, data } = file;
  const load = (sets: readonly string[] = []): LoadedScenario => {
    if (scenario === undefined) throw new Error(`${name} has no scenario`);
    return loadFor(name, scenario, sets);
  };
  return figuresOf(onRun, { load, data });
}

async function sweep(name: string, file: Sweep, onRun: OnRun): Promise<Figures> {
  const { sets, cases, ...x } = file.x;
  const values = cases ? cases.map((_, index) => index + 1) : file.x.values;
  const all = file.series.length * (values?.length ?? 1);
  const series: OutcomeSeries[] = [];
  let done = 0;
  for (const { name: label, goal, goalFrom, goalTo, unverified, ...one } of file.series) {
    const points = [];
    const goalAt = (at: number): number | undefined =>
      at >= goalFrom && at <= goalTo ? goal : undefined;
    for (const [index, value] of (values ?? [undefined]).entries()) {
      const own = cases?.[index]?.sets ?? [];
      const atX = [...sets.map((set) => set.replaceAll('{x}', String(value))), ...own];
      const result = await resultOf(loadFor(name, file.scenario, [...atX, ...one.sets]));
      onRun(++done, all);
      if (value !== undefined) {
        const ours = oursOf(result, one);
        points.push(pointOf(value, one.paper[index] ?? null, ours, { goal: goalAt(value) }));
        continue;
      }
      if (one.whole) {
        const ours = oursOf(result, one);
        points.push(pointOf(result.rounds.length, one.paper[0] ?? null, ours, { goal }));
        continue;
      }
      for (const [round, facts] of result.rounds.entries()) {
        const ours = oursOf(facts, one);
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

function loadFor(
  name: string,
  scenario: Sweep['scenario'],
  sets: readonly string[],
): LoadedScenario {
  if (typeof scenario === 'string') return loadScenario(scenario, sets);
  return loadScenarioText(`fixtures/papers/${name}.yaml`, JSON.stringify(scenario), sets);
}

type Ours = Pick<Sweep['series'][number], 'ours' | 'shareWith' | 'per'>;

function oursOf(result: object, { ours, shareWith, per }: Ours): number {
  const value = valueAt(result, ours);
  if (shareWith === undefined) return value / per;
  return value / (value + valueAt(result, shareWith)) / per;
}

/** The number at a path such as `ram.normal` or `rounds[0].bytes`. */
function valueAt(result: object, path: string): number {
  let value: unknown = result;
  for (const key of path.split(/[.[\]]+/).filter(Boolean)) {
    value = (value as Record<string, unknown>)[key];
  }
  if (typeof value !== 'number') throw new Error(`${path} is no number of the result`);
  return value;
}
