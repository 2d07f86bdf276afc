import { Command } from 'commander';
import { monotonicClock } from '../clock/monotonic.ts';
import { CompareError, compareSides } from '../lab/compare/compare.ts';
import { columnOf } from '../lab/compare/keys.ts';
import { readSide } from '../lab/compare/read.ts';
import type { ComparedRun, Side } from '../lab/compare/side.ts';
import { measure } from '../lab/sweep/quantity.ts';
import { StoreError } from '../lab/sweep/store.ts';
import { compareJunit, compareMarkdown, isRegression } from '../report/compare.ts';
import { InputError } from '../scenario/input-error.ts';
import { writeReport } from './bench-apart.ts';
import { limitsOf } from './bench-flags.ts';
import { checkOutputs } from './check-output.ts';
import { compareText } from './compare-table.ts';
import { EXIT } from './exit.ts';
import { collect, outputFlag } from './flags.ts';
import { deliver, exitCode } from './output.ts';

interface CompareFlags {
  readonly before?: readonly string[];
  readonly after?: readonly string[];
  readonly by?: string;
  readonly ignore?: readonly string[];
  readonly metric?: readonly string[];
  readonly threshold: string;
  readonly alpha: string;
  readonly failOnRegression?: boolean;
  readonly output?: string;
  readonly json?: boolean;
  readonly markdown?: string;
  readonly junit?: string;
  readonly quiet?: boolean;
}

export function compareCommand(): Command {
  return new Command('compare')
    .description('say whether runs have become better or worse, and by how much')
    .argument('[before]', 'a result of run or bench, runs of bench --save, or a store of sweep')
    .argument('[after]', 'another one; runs are matched by their scenarios, and paired by seeds')
    .option('--before <files...>', 'several results that are one side')
    .option('--after <files...>', 'several results that are the other side')
    .option('--by <key=before,after>', 'compare two values of a key within one store or list')
    .option('--ignore <key>', 'match runs whatever this key is; several times if need be', collect)
    .option('--metric <name>', 'compare this figure; several times, or `all`', collect)
    .option('--threshold <percent>', 'the smallest change that counts', '1')
    .option('--alpha <p>', 'accepted probability of a false alarm, over all metrics', '0.05')
    .option('--fail-on-regression', 'end with code 1 when anything has become worse')
    .option('-o, --output <file>', 'write the JSON result to a file; - is stdout')
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('--markdown <file>', 'write the tables as Markdown as well, for a CI summary')
    .option('--junit <file>', 'write JUnit XML as well: what has become worse is a failure')
    .option('-q, --quiet', 'print no table')
    .addHelpText(
      'after',
      '\nExit codes: 0 compared, 1 something is worse (--fail-on-regression), 2 bad input',
    )
    .action(async (before: string | undefined, after: string | undefined, flags: CompareFlags) => {
      process.exitCode = await compare(before, after, flags);
    });
}

async function compare(
  first: string | undefined,
  second: string | undefined,
  flags: CompareFlags,
): Promise<number> {
  try {
    const clock = monotonicClock();
    const startNs = clock.now();
    const named = sourcesOf(first, second, flags);
    checkFiles(named, flags);
    const limits = limitsOf(flags);
    const [before, after] = sidesOf(named, flags.by);
    const ignored = new Set(
      (flags.ignore ?? []).map((key) => columnOf(key, `--ignore ${key}`, [before, after])),
    );
    const metrics = flags.metric ?? [];
    const { result, isPowerless } = compareSides(before, after, { ...limits, ignored, metrics });
    if (isPowerless && flags.failOnRegression) throw powerless();
    const seconds = (clock.now() - startNs) / 1e9;
    const reports = [
      writeReport('--markdown', flags.markdown, () => compareMarkdown(result)),
      writeReport('--junit', flags.junit, () => compareJunit(result, seconds)),
    ];
    const isWritten = await deliver(flags, result, () => compareText(result));
    const isWorse = flags.failOnRegression === true && isRegression(result.verdict);
    return exitCode(isWorse ? EXIT.notCompleted : EXIT.done, isWritten && reports.every(Boolean));
  } catch (error) {
    const isWrong = [InputError, StoreError, CompareError].some((kind) => error instanceof kind);
    if (!isWrong) throw error;
    process.stderr.write(
      `${error instanceof CompareError ? 'compare: ' : ''}${(error as Error).message}\n`,
    );
    return EXIT.badInput;
  }
}

interface Named {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** Returns the files and stores of both sides; with `--by`, both are the same. */
function sourcesOf(
  first: string | undefined,
  second: string | undefined,
  { before, after, by }: CompareFlags,
): Named {
  if (by !== undefined) {
    if (second !== undefined || after !== undefined) {
      throw refuse('--by', 'compares two values of a key within one side: name no second one');
    }
    const all = before ?? (first === undefined ? undefined : [first]);
    if (!all) throw refuse('--by', 'needs a store, or results after --before');
    return { before: all, after: all };
  }
  const old = before ?? (first === undefined ? undefined : [first]);
  const given = before === undefined ? second : first;
  const now = after ?? (given === undefined ? undefined : [given]);
  const isTooMuch = before !== undefined && after !== undefined && first !== undefined;
  if (!old || !now || isTooMuch) {
    throw refuse(
      'compare',
      'expected two results or stores, or files after --before and --after, or one store and --by',
    );
  }
  return { before: old, after: now };
}

function checkFiles({ before, after }: Named, { output, markdown, junit }: CompareFlags): void {
  const outputs = { [outputFlag()]: output, '--markdown': markdown, '--junit': junit };
  checkOutputs(outputs, [...before, ...after]);
}

function sidesOf({ before, after }: Named, by: string | undefined): [Side, Side] {
  if (by === undefined) return [readSide(before), readSide(after)];
  const match = /^([^=]+)=([^,]*),([^,]*)$/.exec(by);
  if (!match)
    throw refuse(`--by ${by}`, 'expected a key with two values such as link.latency=1ms,5ms');
  const [, key = '', ...values] = match;
  const whole = readSide(before);
  const column = columnOf(key, `--by ${key}`, [whole]);
  const [old, now] = values.map((value) => {
    const runs = whole.runs.filter(hasValue(column, value));
    if (runs.length > 0) return { ...whole, runs };
    throw refuse(`--by ${by}`, `no run has ${key} = ${value}`);
  });
  return [old!, now!];
}

/** Returns whether a run has a value at a key, in whatever units it is written; `null` and nothing stand for none. */
function hasValue(column: string, wanted: string): (run: ComparedRun) => boolean {
  const amount = measure(wanted)?.amount;
  return ({ scenario }) => {
    const value = scenario[column];
    if (value === undefined) return wanted === '' || wanted === 'null';
    if (String(value) === wanted) return true;
    return amount !== undefined && measure(value)?.amount === amount;
  };
}

const powerless = (): InputError =>
  refuse(
    '--fail-on-regression',
    'so few runs can show no change, however large: take more runs or seeds, name fewer metrics by --metric, or allow a larger --alpha',
  );

function refuse(place: string, sentence: string): InputError {
  return new InputError([{ place, key: '', sentence }]);
}
