import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { z } from 'zod';

/** src/lab/papers and dist/lab/papers lie equally deep below the package. */
const FOLDER = fileURLToPath(new URL('../../../fixtures/papers', import.meta.url));

const axis = z.strictObject({
  label: z.string(),
  unit: z.string().optional(),
  log: z.boolean().default(false),
});

const series = z.strictObject({
  name: z.string(),
  /** Overrides of the scenario, as `--set` takes them. */
  sets: z.array(z.string()).default([]),
  /** Path of our value in the result, or in a round when x counts rounds. */
  ours: z.string(),
  /** Ours is that value's share of it and of the value at this path. */
  shareWith: z.string().optional(),
  /** Our value is divided by this. */
  per: z.number().positive().default(1),
  /** The paper's values, by x; null: it has none. */
  paper: z.array(z.number().nullable()),
  /** One value of the whole run, shown at its last round, in its own unit; not in the chart. */
  whole: z.boolean().default(false),
  /** Shown in the chart, not in the table alone. */
  chart: z.boolean().default(true),
  /** Read off a figure, or otherwise not sure. */
  unverified: z.boolean().default(false),
  /** What the error is to stay below; absent: no goal was set. */
  goal: z.number().positive().optional(),
  /** The goal holds from this x on. */
  goalFrom: z.number().default(-Infinity),
  /** And up to this one. */
  goalTo: z.number().default(Infinity),
});

/** An experiment that needs no code of its own: a scenario, run for each x and series, beside a table. */
const sweep = z.strictObject({
  title: z.string(),
  /** Who found out, where. */
  paper: z.string(),
  about: z.string(),
  /** A preset's name, or a scenario. */
  scenario: z.union([z.string(), z.record(z.string(), z.unknown())]),
  x: axis.extend({
    /** Absent: x counts the rounds of one run. */
    values: z.array(z.number()).optional(),
    /** Overrides for a value, which stands for {x}. */
    sets: z.array(z.string()).default([]),
    /** In place of values: things with names, each with overrides of its own. */
    cases: z.array(z.strictObject({ name: z.string(), sets: z.array(z.string()) })).optional(),
  }),
  y: axis,
  series: z.array(series),
  fitted: z.array(z.string()).default([]),
  notes: z.array(z.string()).default([]),
});

/** An experiment whose figures a function computes; the file says what they are. */
const computed = z.strictObject({
  title: z.string(),
  paper: z.string(),
  about: z.string(),
  function: z.string(),
  /** What the function runs: a preset's name, or a scenario. */
  scenario: z.union([z.string(), z.record(z.string(), z.unknown())]).optional(),
  /** Whatever else the function asks for, which checks it itself. */
  data: z.unknown().optional(),
  fitted: z.array(z.string()).default([]),
  notes: z.array(z.string()).default([]),
});

export type Sweep = z.output<typeof sweep>;
export type Computed = z.output<typeof computed>;
export type ExperimentFile = Sweep | Computed;

/** The experiments that come with the program, in order of their names. */
export function experimentNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -5))
    .toSorted();
}

/** Throws an Error that names the file when it is not as it should be. */
export function readExperiment(name: string): ExperimentFile {
  const file = join(FOLDER, `${name}.yaml`);
  const content: unknown = parse(readFileSync(file, 'utf8'));
  const isComputed = typeof content === 'object' && content !== null && 'function' in content;
  const parsed = (isComputed ? computed : sweep).safeParse(content);
  if (parsed.success) return parsed.data;
  throw new Error(`${file}: ${z.prettifyError(parsed.error)}`);
}
