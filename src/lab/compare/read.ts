import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { RunResult } from '../../result/schema.ts';
import { formatKey, InputError } from '../../scenario/input-error.ts';
import { orMissing, plainIssue } from '../../scenario/plain-issue.ts';
import { valueOf } from '../bench/judge.ts';
import { BENCH_SCHEMA, type BenchOutcome } from '../bench/outcome.ts';
import { outcomeSchema, RUNS_SCHEMA } from '../bench/runs-file.ts';
import { recordOf, type RunRecord } from '../sweep/rows.ts';
import { Store } from '../sweep/store.ts';
import { jsonOf, refuse } from './json-file.ts';
import { factsOf } from './metrics.ts';
import type { MetricFacts } from './result.ts';
import { comparedRun, type ComparedRun, type Side } from './side.ts';

const RUN_SCHEMA = 'pageferry/run@1';

const EXPECTED = 'a result of run or bench, what bench --save writes, or the store of a sweep';

/** What a comparison needs of the result of a run; whatever else is in it is no matter here. */
const runSchema = z.looseObject({
  schema: z.literal(RUN_SCHEMA),
  version: z.string(),
  scenario: z.record(z.string(), z.unknown()),
  outcome: z.string(),
  rounds: z.array(z.looseObject({})),
  guest: z.looseObject({ achievedRate: z.array(z.number()).optional() }),
});

const savedSchema = z.looseObject({ schema: z.literal(RUNS_SCHEMA), runs: z.array(outcomeSchema) });

/** A result that a program holds, and what messages call it. */
export interface HeldResult {
  readonly name: string;
  readonly value: unknown;
}

/** Runs as they are read, before they are made ready to be compared. */
interface Read {
  readonly records: RunRecord[];
  readonly outcomes: BenchOutcome[];
  readonly versions: Set<string>;
  readonly hosts: Set<string>;
}

/**
 * Reads a side from files and stores, or from results that a program holds: results of `run`, stores of `sweep`, or
 * results of `bench` and what its `--save` writes. Throws InputError, or the StoreError of a store.
 */
export function readSide(given: readonly (string | HeldResult)[]): Side {
  const read: Read = { records: [], outcomes: [], versions: new Set(), hosts: new Set() };
  for (const source of given) {
    if (typeof source !== 'string') readResult(source.name, source.value, read);
    else if (isFolder(source)) readStore(source, read);
    else readResult(source, jsonOf(source, EXPECTED), read);
  }
  const sources = given.map((source) => (typeof source === 'string' ? source : source.name));
  const { records, outcomes } = read;
  if (records.length > 0 && outcomes.length > 0) {
    throw refuse(
      sources.join(', '),
      'are runs and results of a bench: compare the one or the other',
    );
  }
  const common = { sources, versions: [...read.versions], hosts: [...read.hosts] };
  if (outcomes.length > 0) return { ...common, ...benchSide(outcomes) };
  return { ...common, ...runSide(records) };
}

const isFolder = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

function readStore(folder: string, read: Read): void {
  if (!existsSync(join(folder, 'store.json'))) {
    throw refuse(
      folder,
      'is a folder, and no store of a sweep: name the files in it, after --before or --after',
    );
  }
  const store = Store.openToRead(folder);
  const { records } = store;
  if (records.length === 0) throw refuse(folder, 'is a store without runs');
  for (const record of records) read.records.push(record);
  // A build is named by one of its results, and so are the runs of which nobody knows the build.
  const builds = new Map(records.map(({ program, id }) => [program, id]));
  for (const [program, id] of builds) {
    const text = store.result(id);
    if (text === undefined) continue;
    const { version, host } = JSON.parse(text) as Pick<RunResult, 'version' | 'host'>;
    read.versions.add(program === undefined ? version : `${version} (build ${program})`);
    if (host) read.hosts.add(hostName(host));
  }
}

function readResult(path: string, value: unknown, read: Read): void {
  const schema = (value as { schema?: unknown } | null)?.schema;
  if (schema === RUN_SCHEMA) {
    const result = checked(path, runSchema, value) as unknown as RunResult;
    read.records.push(recordOf(path, path, result, 0));
    read.versions.add(result.version);
    if (result.host) read.hosts.add(hostName(result.host));
  } else if (schema === BENCH_SCHEMA) {
    addOutcome(checked(path, outcomeSchema, value) as unknown as BenchOutcome, read);
  } else if (schema === RUNS_SCHEMA) {
    const { runs } = checked(path, savedSchema, value) as unknown as { runs: BenchOutcome[] };
    for (const outcome of runs) addOutcome(outcome, read);
  } else {
    const found = typeof schema === 'string' ? `its schema is ${schema}` : 'it has no schema';
    throw refuse(path, `expected ${EXPECTED}; ${found}`);
  }
}

function addOutcome(outcome: BenchOutcome, read: Read): void {
  read.outcomes.push(outcome);
  read.versions.add(outcome.commit ?? outcome.version);
  read.hosts.add(hostName(outcome.host));
}

const hostName = ({ cpus, cpuModel, node }: NonNullable<RunResult['host']>): string =>
  `${cpus} cores of ${cpuModel}, Node ${node}`;

function checked<Shape extends z.ZodType>(
  path: string,
  schema: Shape,
  value: unknown,
): z.infer<Shape> {
  const parsed = schema.safeParse(value, { error: plainIssue });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const key = formatKey((issue?.path ?? []) as (string | number)[]);
  throw new InputError([{ place: path, key, sentence: orMissing(issue?.message ?? '') }]);
}

type SideRuns = Pick<Side, 'of' | 'runs' | 'metrics' | 'warnings'>;

function runSide(records: readonly RunRecord[]): SideRuns {
  const runs = records.map(comparedRun);
  const names = new Set(runs.flatMap(({ figures }) => Object.keys(figures)));
  const differing = records.filter(({ result }) => result['verify_ok'] === false).length;
  const warnings =
    differing > 0 ? [`in ${differing} runs a byte differed, so they prove nothing`] : [];
  return { of: 'runs', runs, metrics: [...names].map(factsOf), warnings };
}

function benchSide(outcomes: readonly BenchOutcome[]): SideRuns {
  const metrics = new Map<string, MetricFacts>();
  const runs = outcomes.map((outcome): ComparedRun => {
    const figures: Record<string, number> = {};
    for (const metric of outcome.metrics) {
      const name = `${metric.of}: ${metric.name}`;
      const { unit, better, isFact } = metric;
      if (!metrics.has(name)) metrics.set(name, { name, unit, ...(isFact ? {} : { better }) });
      const value = valueOf(outcome, metric);
      if (value !== undefined) figures[name] = value;
    }
    const scenario = { bench: outcome.bench, ...outcome.options };
    return { scenario, isExact: false, outcome: 'completed', figures };
  });
  return { of: 'bench', runs, metrics: [...metrics.values()], warnings: [] };
}
