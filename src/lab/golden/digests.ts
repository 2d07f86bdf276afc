import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fuzz } from '../fuzz/fuzz.ts';
import { readMeasured } from '../validate/measured.ts';
import { validate } from '../validate/validate.ts';
import { buildResult } from '../../result/build.ts';
import { writeAtomically } from '../../result/write.ts';
import type { RunReport } from '../../runtime/report.ts';
import { runVirtual } from '../../runtime/virtual/run.ts';
import { loadScenario, presets } from '../../scenario/load.ts';
import type { RunTask } from './tasks.ts';

/**
 * Digests of the virtual runtime's results, as recorded by `npm run golden -- --record`. A change of
 * the code that changes no result leaves every digest as it is.
 */
export interface Digests {
  /** How many seeds of the fuzzer one digest of `seeds` covers. */
  readonly seedsEach: number;
  /** The digests of groups of seeds, from seed 1 on. */
  readonly seeds: readonly string[];
  /** The digest of each measured migration's prediction, by its id. */
  readonly predictions: Readonly<Record<string, string>>;
  /** The digest of each preset's result, by its name. */
  readonly presets: Readonly<Record<string, string>>;
}

const FILE = fileURLToPath(
  new URL('../../../fixtures/golden/virtual-results.json', import.meta.url),
);
export const SEEDS_EACH = 50;
export const ALL_SEEDS = 2000;
const TOLD_EACH = 10;
/** src/lab/golden and dist/lab/golden are both three levels below the package's folder. */
const MEASURED = fileURLToPath(
  new URL('../../../fixtures/measured/qemu-two-cores.json', import.meta.url),
);

/** Reads the recorded digests. */
export const readDigests = (): Digests => JSON.parse(readFileSync(FILE, 'utf8')) as Digests;

const digest = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 16);

/** The result as a result file has it, without the version and its sentences, which may change freely. */
function canonical(report: RunReport): string {
  const { version: _, error: __, warnings: ___, ...result } = buildResult({}, report);
  return JSON.stringify(result);
}

/** Returns the digest of one group of the fuzzer's seeds, each played with its trouble and without. */
export async function digestOfSeeds(group: number): Promise<string> {
  const texts: string[] = [];
  for (let seed = group * SEEDS_EACH + 1; seed <= (group + 1) * SEEDS_EACH; seed++) {
    const { outcome } = await fuzz(seed, (report) => texts.push(canonical(report)));
    texts.push(`${seed} ${outcome}`);
  }
  return digest(texts.join('\n'));
}

/** Returns the digests of predictions by id: of all measured migrations, or only of those in `ids`. */
export async function digestsOfPredictions(
  ids?: readonly string[],
): Promise<Record<string, string>> {
  const file = readMeasured(MEASURED);
  // Each run is predicted alone. Otherwise its place in the list would decide whether it moves real bytes.
  const runs = file.runs.filter(({ id }) => ids?.includes(id) ?? true);
  const digests: Record<string, string> = {};
  for (const run of runs) {
    const { runs: predictions } = await validate({ ...file, runs: [run] });
    for (const { id, predicted, errors, fullDowntimeMs } of predictions) {
      digests[id] = digest(JSON.stringify([predicted, errors, fullDowntimeMs]));
    }
  }
  return digests;
}

/** Returns the digest of a preset's result in the virtual runtime. */
export async function digestOfPreset(name: string): Promise<string> {
  const { config } = loadScenario(name, ['runtime=virtual']);
  return digest(canonical(await runVirtual(config)));
}

/** Is called with a line about the progress. */
export type OnProgress = (line: string) => void;

/** Computes all digests; this takes some CPU minutes. The result does not depend on how many tasks run at a time. */
export async function allDigests(run: RunTask, say: OnProgress): Promise<Digests> {
  const measured = readMeasured(MEASURED).runs.map(({ id }) => id);
  const names = presets().map(({ name }) => name);
  const groups = Array.from({ length: ALL_SEEDS / SEEDS_EACH }, (_, group) => group);
  const all = groups.length + measured.length + names.length;
  let done = 0;
  const told = async <Result>(task: Promise<Result>): Promise<Result> => {
    const result = await task;
    done++;
    if (done % TOLD_EACH === 0 || done === all) say(`${done} of ${all} digests`);
    return result;
  };
  const [seeds, predictions, results] = await Promise.all([
    Promise.all(groups.map((group) => told(run('seeds', group)))),
    Promise.all(measured.map((id) => told(run('prediction', id)))),
    Promise.all(names.map(async (name) => [name, await told(run('preset', name))] as const)),
  ]);
  return {
    seedsEach: SEEDS_EACH,
    seeds,
    predictions: Object.assign({}, ...predictions) as Record<string, string>,
    presets: Object.fromEntries(results),
  };
}

/** Records digests in place of those recorded before. */
export function writeDigests(digests: Digests): void {
  writeAtomically(FILE, `${JSON.stringify(digests, null, 2)}\n`);
}

/** Returns a line for each difference between two sets of digests. */
export function differences(recorded: Digests, found: Digests): string[] {
  const lines = found.seeds.flatMap((one, group) =>
    one === recorded.seeds[group]
      ? []
      : [`seeds ${group * SEEDS_EACH + 1} to ${(group + 1) * SEEDS_EACH} have other results`],
  );
  for (const part of ['predictions', 'presets'] as const) {
    const names = new Set([...Object.keys(recorded[part]), ...Object.keys(found[part])]);
    for (const name of names) {
      if (recorded[part][name] !== found[part][name]) lines.push(`${part}: ${name} differs`);
    }
  }
  return lines;
}
