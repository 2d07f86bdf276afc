import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../clock/clock.ts';
import { InputError } from '../../scenario/input-error.ts';
import { VERSION } from '../../result/version.ts';
import { buildRef, type BuiltRef, commitNamed } from './build-ref.ts';
import { judge, type Judgement, type JudgeOptions } from './judge.ts';
import { type BenchOutcome, DiffersError } from './outcome.ts';
import { checkPower, judgedMetrics, powerless, type PowerParts } from './power.ts';
import { commitOf } from './program.ts';
import { type BenchRuns, RUNS_SCHEMA } from './runs-file.ts';

/** The result of comparing two versions of the program: `pageferry/bench-comparison@1`. */
export interface Comparison {
  readonly schema: 'pageferry/bench-comparison@1';
  readonly bench: string;
  readonly options: Readonly<Record<string, string>>;
  readonly before: { readonly commit?: string; readonly runs: number };
  readonly after: { readonly commit?: string; readonly version: string; readonly runs: number };
  /** True when the two versions took turns on this machine; false when `before` was read from a file. */
  readonly isInterleaved: boolean;
  readonly threshold: number;
  readonly alpha: number;
  readonly judgements: readonly Judgement[];
  /** The metrics that were left out because too few runs of one version have them. */
  readonly notCompared: readonly string[];
}

export interface RunsParts {
  readonly bench: string;
  readonly options: Readonly<Record<string, string>>;
  /** Flags that the user did not give, so that their values are this version's defaults. */
  readonly unasked: ReadonlySet<string>;
  /** How many runs each version makes. */
  readonly runs: number;
  readonly signal: AbortSignal;
  readonly progress: (what: string, done?: number, all?: number) => void;
  readonly clock: Clock;
  /** It is called with what comes next, and about how long that takes, before it begins. */
  readonly announce: (what: string, ns: number) => void;
}

/** The exit code of a bench that found a byte different from what was sent (cli/exit.ts). */
const EXIT_DIFFERS = 3;

/** This program's own command line; src/lab/bench and dist/lab/bench lie equally deep. */
const CLI = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));

/** Runs this version `parts.runs` times, each time in a process of its own; `check` may throw after the first. */
export async function runApart(
  parts: RunsParts,
  check: (first: BenchOutcome) => void = () => undefined,
): Promise<BenchRuns> {
  const runs: BenchOutcome[] = [];
  const startNs = parts.clock.now();
  for (let i = 0; i < parts.runs; i++) {
    parts.progress(`run ${i + 1} of ${parts.runs}`, i, parts.runs);
    const run = await oneRun(CLI, parts);
    runs.push(run);
    if (i > 0) continue;
    check(run);
    const ns = (parts.runs - 1) * (parts.clock.now() - startNs);
    parts.announce(`${parts.runs - 1} more runs`, ns);
  }
  return { schema: RUNS_SCHEMA, runs };
}

/**
 * Runs this version once, outside the comparison, and says how long the pairs of runs will take. Throws InputError when
 * they could show no change among the metrics that the run has. All this is known before the old version is built.
 */
async function tryOut(parts: RunsParts, power: PowerParts, ref: string): Promise<void> {
  checkPower(power);
  parts.progress('a first run, which is not compared');
  const startNs = parts.clock.now();
  const first = await oneRun(CLI, parts);
  checkPower(power, judgedMetrics(first));
  const ns = 2 * parts.runs * (parts.clock.now() - startNs);
  parts.announce(`${parts.runs} pairs of runs, once ${ref} is built`, ns);
}

/**
 * Builds the version that a git reference names, lets it take turns with this one, and compares their
 * runs. Throws InputError when the reference names no commit, or a version can't be built or run.
 */
export async function againstRef(
  ref: string,
  parts: RunsParts,
  limits: Omit<JudgeOptions, 'isPaired'>,
): Promise<Comparison> {
  const commit = commitNamed(ref);
  if (commit === undefined) {
    const sentence = 'is no commit of the git checkout that this program runs from';
    throw new InputError([{ place: `--against-ref ${ref}`, key: '', sentence }]);
  }
  const { bench, runs } = parts;
  await tryOut(parts, { bench, runs, alpha: limits.alpha, isPaired: true }, ref);
  parts.progress(`building ${ref}`);
  const built = await buildRef(ref, commit, parts.signal);
  try {
    const { before, after } = await takeTurns(built, ref, parts);
    return comparisonOf(parts, before, after, { ...limits, isPaired: true }, commit);
  } finally {
    built.dispose();
  }
}

/**
 * Compares with runs that were saved. When the file names a commit that can be built again, that
 * version takes turns with this one as in `againstRef`; otherwise the saved runs are the old version's.
 */
export async function againstRuns(
  saved: BenchRuns,
  parts: RunsParts,
  limits: Omit<JudgeOptions, 'isPaired'>,
): Promise<Comparison> {
  const { commit } = saved.runs[0]!;
  // A commit that ends in + had changed files, so it can't be built again; git doesn't know that name.
  const isKnown = commit !== undefined && commitNamed(commit) !== undefined;
  if (isKnown) return againstRef(commit, parts, limits);
  const power = { bench: parts.bench, runs: parts.runs, alpha: limits.alpha, isPaired: false };
  checkPower(power);
  const { runs } = await runApart(parts, (first) => checkPower(power, judgedMetrics(first)));
  return comparisonOf(parts, saved.runs, runs, { ...limits, isPaired: false }, commit);
}

function comparisonOf(
  { bench, options }: RunsParts,
  before: readonly BenchOutcome[],
  after: readonly BenchOutcome[],
  { isPaired, threshold, alpha }: JudgeOptions,
  oldCommit?: string,
): Comparison {
  const commit = commitOf();
  const { judgements, notCompared, isPowerless } = judge(before, after, {
    isPaired,
    threshold,
    alpha,
  });
  if (judgements.length === 0) {
    const sentence = 'the two versions have no metric in common that was measured often enough';
    throw new InputError([{ place: `bench ${bench}`, key: '', sentence }]);
  }
  if (isPowerless) {
    throw powerless({ bench, runs: after.length, isPaired, alpha }, judgements.length);
  }
  return {
    schema: 'pageferry/bench-comparison@1',
    bench,
    options,
    before: { ...(oldCommit === undefined ? {} : { commit: oldCommit }), runs: before.length },
    after: { ...(commit === undefined ? {} : { commit }), version: VERSION, runs: after.length },
    isInterleaved: isPaired,
    threshold,
    alpha,
    judgements,
    notCompared,
  };
}

/** Runs the versions in the order old, new, new, old, old, new …, so that neither always comes first. */
async function takeTurns(
  built: BuiltRef,
  ref: string,
  parts: RunsParts,
): Promise<{ before: BenchOutcome[]; after: BenchOutcome[] }> {
  const before: BenchOutcome[] = [];
  const after: BenchOutcome[] = [];
  const runOld = async (): Promise<void> => void before.push(await oneRun(built.cli, parts, ref));
  const runNew = async (): Promise<void> => void after.push(await oneRun(CLI, parts));
  for (let i = 0; i < parts.runs; i++) {
    parts.progress(`pair ${i + 1} of ${parts.runs}`, i, parts.runs);
    if (i % 2 === 0) await runOld();
    await runNew();
    if (i % 2 === 1) await runOld();
  }
  return { before, after };
}

async function oneRun(cli: string, parts: RunsParts, ref?: string): Promise<BenchOutcome> {
  const { bench, options, unasked, signal } = parts;
  // An older version may not know an option yet, so options that the user did not give are not passed.
  const flags = Object.entries(options)
    .filter(([flag]) => !unasked.has(flag))
    .map(([flag, value]) => `--${flag}=${value}`);
  const args = [cli, 'bench', bench, ...flags, '--json', '--quiet'];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
    // A run that is given up has nothing to save, and must not outlive the folder that its program lies in.
    killSignal: 'SIGKILL',
  });
  const exit = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject).once('close', resolve);
  });
  const [output, errors, code] = await Promise.all([text(child.stdout), text(child.stderr), exit]);
  const place = ref === undefined ? `bench ${bench}` : `bench ${bench} of ${ref}`;
  if (code === EXIT_DIFFERS) throw new DiffersError(`${place}: ${errors.trim()}`);
  if (code === 0) return sameOptions(JSON.parse(output) as BenchOutcome, options, place);
  const why = errors.trim().split('\n')[0] || `it ended with code ${code}`;
  throw new InputError([{ place, key: '', sentence: `could not be run: ${why}` }]);
}

/** Refuses an outcome whose options differ from this version's: the two would measure different things. */
function sameOptions(
  outcome: BenchOutcome,
  options: Readonly<Record<string, string>>,
  place: string,
): BenchOutcome {
  for (const [flag, value] of Object.entries(outcome.options)) {
    const wanted = options[flag];
    if (wanted === undefined || wanted === value) continue;
    const sentence = `has the default --${flag}=${value}, this version ${wanted}: give --${flag} a value`;
    throw new InputError([{ place, key: '', sentence }]);
  }
  return outcome;
}
