import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ScenarioDocument } from '../../scenario/document.ts';
import { formatValue } from '../../scenario/fields.ts';
import { InputError } from '../../scenario/input-error.ts';
import { explained } from '../../scenario/parse.ts';
import { plainIssue } from '../../scenario/plain-issue.ts';
import { ReadError, readText } from '../../scenario/read-text.ts';
import { MOST_CHARACTERS } from '../../scenario/yaml.ts';

/** src/lab/papers and dist/lab/papers are both three levels below the package's folder. */
const FOLDER = fileURLToPath(new URL('../../../fixtures/papers', import.meta.url));

const scenario = z.union([z.string(), z.record(z.string(), z.unknown())], {
  error: ({ input }) => `expected the name of a preset, or a scenario, got ${formatValue(input)}`,
});

const axis = z.strictObject({
  label: z.string(),
  unit: z.string().optional(),
  log: z.boolean().default(false),
});

const series = z.strictObject({
  name: z.string(),
  /** Overrides of the scenario, written as for `--set`. */
  sets: z.array(z.string()).default([]),
  /** The path of our value in the result, or in one of its rounds when x counts rounds. */
  ours: z.string(),
  /** When given, our value is divided by its sum with the value at this path. */
  shareWith: z.string().optional(),
  /** Our value is divided by this. */
  per: z.number().positive().default(1),
  /** The paper's value for each x; null where the paper has none. */
  paper: z.array(z.number().nullable()),
  /** True for one value of the whole run in its own unit: the table has it at the last round, the chart not. */
  whole: z.boolean().default(false),
  /** False when only the table shows the series. */
  chart: z.boolean().default(true),
  /** True when the paper's values are uncertain, for example read off a figure. */
  unverified: z.boolean().default(false),
  /** The largest relative error that meets the goal; without it the series has no goal. */
  goal: z.number().positive().optional(),
  /** The goal applies from this x on. */
  goalFrom: z.number().default(-Infinity),
  /** The goal applies up to this x. */
  goalTo: z.number().default(Infinity),
});

/** An experiment without code of its own: a scenario is run for each x and series, and compared with a table. */
const sweep = z.strictObject({
  title: z.string(),
  /** The citation of the paper. */
  paper: z.string(),
  about: z.string(),
  /** The name of a preset, or a scenario itself. */
  scenario,
  x: axis.extend({
    /** The values of x. Without values and cases, x counts the rounds of one run. */
    values: z.array(z.number()).optional(),
    /** Overrides of the scenario, in which the value of x replaces `{x}`. */
    sets: z.array(z.string()).default([]),
    /** Named cases in place of values, each with overrides of its own. */
    cases: z.array(z.strictObject({ name: z.string(), sets: z.array(z.string()) })).optional(),
  }),
  y: axis,
  series: z.array(series),
  fitted: z.array(z.string()).default([]),
  notes: z.array(z.string()).default([]),
});

/** An experiment whose figures a function of `FUNCTIONS` computes; the file describes them. */
const computed = z.strictObject({
  title: z.string(),
  paper: z.string(),
  about: z.string(),
  function: z.string(),
  /** The scenario that the function runs: the name of a preset, or a scenario itself. */
  scenario: scenario.optional(),
  /** The overcommitted host that the function lets live. */
  host: z.record(z.string(), z.unknown()).optional(),
  /** The evacuation that the function plays. */
  evacuation: z.record(z.string(), z.unknown()).optional(),
  /** The protected guest that the function lets live. */
  protection: z.record(z.string(), z.unknown()).optional(),
  /** The fleet that the function lets live. */
  fleet: z.record(z.string(), z.unknown()).optional(),
  /** Further input of the function, which the function checks itself. */
  data: z.unknown().optional(),
  fitted: z.array(z.string()).default([]),
  notes: z.array(z.string()).default([]),
});

export type Sweep = z.output<typeof sweep>;
export type Computed = z.output<typeof computed>;
export type ExperimentFile = Sweep | Computed;

/** Returns the names of the experiments that come with the program, sorted. */
export function experimentNames(): string[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.yaml'))
    .map((file) => file.slice(0, -5))
    .toSorted();
}

/** Reads an experiment's file. Throws InputError, which names the places of what is wrong in it. */
export const readExperiment = (name: string): ExperimentFile =>
  parseExperiment(openExperiment(name));

/** Opens an experiment's file as a document, which knows the places of its keys. Throws InputError. */
export function openExperiment(name: string): ScenarioDocument {
  const path = join(FOLDER, `${name}.yaml`);
  try {
    return new ScenarioDocument(path, readText(path, MOST_CHARACTERS));
  } catch (error) {
    if (!(error instanceof ReadError)) throw error;
    throw new InputError([{ place: path, key: '', sentence: error.message }]);
  }
}

/** Checks the document of an experiment. Throws InputError. */
export function parseExperiment(document: ScenarioDocument): ExperimentFile {
  const content = document.value();
  const isComputed = typeof content === 'object' && content !== null && 'function' in content;
  const schema = isComputed ? computed : sweep;
  const parsed = schema.safeParse(content, { error: plainIssue });
  if (parsed.success) return parsed.data;
  throw explained(document, parsed.error.issues, schema);
}
