import type { z } from 'zod';
import type { OwnershipOptions } from '../migration/spec/ownership.ts';
import { withManagersDefaults } from '../migration/spec/managers-defaults.ts';
import { check } from './check.ts';
import type { Problem } from './problem.ts';
import type { Anchor, Path, ScenarioDocument } from './document.ts';
import { formatKey, InputError, type InputProblem, MOST_PROBLEMS, shorten } from './input-error.ts';
import { type Scenario, scenarioSchema } from './schema.ts';
import { nearest } from './suggest.ts';

/**
 * Parses a document into a complete, checked scenario. Throws an InputError that lists everything that is wrong,
 * with places.
 */
export function parseScenario(document: ScenarioDocument, options?: OwnershipOptions): Scenario {
  const parsed = scenarioSchema.safeParse(withDefaultsOfManager(document.value()));
  if (!parsed.success) throw explained(document, parsed.error.issues, scenarioSchema);
  refuse(document, check(parsed.data, document.value(), options));
  return parsed.data;
}

/** Returns a scenario as it is written, with what its manager sets otherwise than QEMU does. */
function withDefaultsOfManager(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('migration' in value)) return value;
  return { ...value, migration: withManagersDefaults(value.migration) };
}

/** Throws an InputError when there are problems. */
export function refuse(document: ScenarioDocument, problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const first = problems.slice(0, MOST_PROBLEMS).map((problem) => locateProblem(document, problem));
  throw new InputError(first, problems.length - first.length);
}

/** Returns a problem with its place in the document. */
export function locateProblem(document: ScenarioDocument, problem: Problem): InputProblem {
  const { path } = problem;
  const place = document.place(path, 'value');
  const key = keyOf(document, path, place);
  // Users who override keys of a preset have no file of their own to leave a key out of.
  const isOfFile = document.isOverridden && !document.isSet(path);
  const sentence = isOfFile
    ? problem.sentence.replace(/: leave it out/, `: leave it out (--set ${key}=null)`)
    : problem.sentence;
  return { place, key, sentence };
}

/**
 * Turns issues that `schema` has found in a document into an error. Only the problems that it lists get a place and a
 * sentence, because finding these takes time that grows with the document.
 */
export function explained(
  document: ScenarioDocument,
  issues: readonly z.core.$ZodIssue[],
  schema: unknown,
): InputError {
  const problems: InputProblem[] = [];
  let more = 0;
  for (const issue of issues) {
    const count = issue.code === 'unrecognized_keys' ? issue.keys.length : 1;
    const room = MOST_PROBLEMS - problems.length;
    if (room > 0) problems.push(...explain(document, issue, schema, room));
    more += Math.max(0, count - room);
  }
  return new InputError(problems, more);
}

/** Turns an issue into problems, at most `most`. */
function explain(
  document: ScenarioDocument,
  issue: z.core.$ZodIssue,
  schema: unknown,
  most: number,
): InputProblem[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol');
  const at = (where: Path, anchor: Anchor, sentence: string): InputProblem => {
    const place = document.place(where, anchor);
    return { place, key: shorten(keyOf(document, where, place)), sentence };
  };
  if (issue.code === 'unrecognized_keys') {
    return issue.keys
      .slice(0, most)
      .map((key) => at([...path, key], 'key', unknownKey(document, path, key, schema)));
  }
  const isMissing = valueAt(document.value(), path) === undefined;
  const isMap = issue.code === 'invalid_type' && issue.expected === 'object';
  const sentence = isMap ? 'expected a map of keys' : issue.message;
  if (!isMissing) return [at(path, 'value', sentence)];
  return [at(path, 'value', `is missing: ${sentence.replace(/, got undefined$/, '')}`)];
}

/** Returns the key that a problem names: none when the key was set by an option of its own, which is its place. */
function keyOf(document: ScenarioDocument, path: Path, place: string): string {
  const isOption = place.startsWith('-') && place !== '--set';
  return document.isSet(path) && isOption ? '' : formatKey(path);
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (at, part) => (at as Record<string | number, unknown> | undefined)?.[part],
    value,
  );
}

function unknownKey(document: ScenarioDocument, path: Path, key: string, schema: unknown): string {
  const parent = path.filter((part) => typeof part === 'string').join('.');
  const pattern = valueAt(document.value(), [...path, 'pattern']);
  if (parent === 'guest.workloads' && PACE_AND_WRITE_KEYS.has(key)) {
    if (pattern === 'trace') return 'a trace has its own pace and its own writes: leave it out';
    if (pattern === 'dirty-vector') {
      return 'the rate of a dirty-vector follows from its points, and all its accesses write: leave it out';
    }
  }
  const known = knownKeys(document, path, schema);
  if (known.length === 0) return 'unknown key: there may be none here, leave it out';
  const guess = nearest(key, known);
  if (guess) return `unknown key: did you mean ${guess}?`;
  return `unknown key: expected one of ${known.join(', ')}`;
}

/** These keys set the pace and the writes of a workload; a trace and a dirty-rate vector bring their own. */
const PACE_AND_WRITE_KEYS = new Set(['rate', 'writes', 'tick']);

/** Returns the keys that the schema allows in the map at `path`. */
function knownKeys(document: ScenarioDocument, path: Path, root: unknown): string[] {
  let schema = root;
  for (const [depth, part] of path.entries()) {
    const shape = shapeOf(schema, valueAt(document.value(), path.slice(0, depth)));
    schema = typeof part === 'number' ? elementOf(schema) : shape?.[part];
  }
  return Object.keys(shapeOf(schema, valueAt(document.value(), path)) ?? {});
}

/** The part of a Zod schema's definition that is read here. */
interface Definition {
  readonly type: string;
  readonly innerType?: unknown;
  readonly element?: unknown;
  readonly shape?: Record<string, unknown>;
  readonly options?: readonly unknown[];
  readonly values?: readonly unknown[];
  readonly discriminator?: string;
}

// A map with an unknown key has been parsed, so the schema has all that leads to it; only the types don't say so.
// Stryker disable OptionalChaining
function definition(schema: unknown): Definition | undefined {
  let found = (schema as { def?: Definition } | undefined)?.def;
  while (found?.innerType) found = (found.innerType as { def?: Definition }).def;
  return found;
}

function elementOf(schema: unknown): unknown {
  return definition(schema)?.element;
}

/** Returns the keys of a map's schema; in a union, those of the member that the value's discriminator chooses. */
function shapeOf(schema: unknown, value: unknown): Record<string, unknown> | undefined {
  const found = definition(schema);
  if (!found?.options) return found?.shape;
  const key = found.discriminator ?? '';
  const kind = (value as Record<string, unknown> | undefined)?.[key];
  const option = found.options.find((one) => {
    const literal = definition(definition(one)?.shape?.[key]);
    return literal?.values?.includes(kind);
  });
  return definition(option)?.shape;
}
