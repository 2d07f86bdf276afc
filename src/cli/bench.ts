import { Command, Option } from 'commander';
import { monotonicClock } from '../clock/monotonic.ts';
import {
  againstRef,
  againstRuns,
  type Comparison,
  runApart,
  type RunsParts,
} from '../lab/bench/against.ts';
import { BENCHES } from '../lab/bench/benches.ts';
import { COMPARISONS } from '../lab/bench/comparisons.ts';
import { countOf, wrongOption } from '../lab/bench/options.ts';
import {
  type Bench,
  type BenchOutcome,
  DiffersError,
  type Metric,
  outcomeOf,
} from '../lab/bench/outcome.ts';
import { commitOf } from '../lab/bench/program.ts';
import { FEWEST_RUNS, readRuns } from '../lab/bench/runs-file.ts';
import { InputError } from '../scenario/input-error.ts';
import { benchTable, comparisonTable } from './bench-table.ts';
import { Interruption } from './interrupt.ts';
import { checkOutputs } from './check-output.ts';
import { EXIT } from './exit.ts';
import { deliver, exitCode, writeFile } from './output.ts';
import { Counted } from './progress.ts';

interface Flags {
  readonly output?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly list?: boolean;
  readonly save?: string;
  readonly against?: string;
  readonly againstRef?: string;
  readonly runs: string;
  readonly threshold: string;
  readonly alpha: string;
}

/** The default number of processes of each version. If all 15 pairs agree, the one-sided p is 1 in 32 768. */
const RUNS = '15';

export function benchCommand(): Command {
  const command = new Command('bench')
    .description(
      'measure dirty logs, demand paging, the link, encodings, migrations; compare two versions',
    )
    .action(() => {
      process.stdout.write(command.helpInformation());
    });
  for (const bench of BENCHES) command.addCommand(oneBench(bench));
  return command;
}

function oneBench(bench: Bench): Command {
  const command = new Command(bench.name).description(bench.about);
  for (const { flag, value, about, default: preset } of bench.options) {
    command.addOption(new Option(`--${flag} <${value}>`, about).default(preset));
  }
  if (bench.name === 'migrate') command.option('--list', 'name the scenarios, and run none');
  return command
    .option('-o, --output <file>', 'write the JSON result to a file; - is stdout')
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('-q, --quiet', 'print no table and no progress')
    .option(
      '--save <file>',
      'run several times, each in a process of its own, and save all results',
    )
    .option('--against <file>', 'compare with saved results; a regression ends with code 1')
    .option('--against-ref <ref>', 'build that git commit and let it take turns with this version')
    .option('--runs <n>', 'processes of each version, for the three options above', RUNS)
    .option('--threshold <percent>', 'the smallest change that is reported', '5')
    .option('--alpha <p>', 'accepted probability of a false alarm, over all metrics', '0.01')
    .action(async (flags: Flags & Record<string, string>) => {
      process.exitCode = await run(bench, command, flags);
    });
}

async function run(
  bench: Bench,
  command: Command,
  flags: Flags & Record<string, string>,
): Promise<number> {
  const interrupt = new Interruption();
  try {
    if (flags.list) return listComparisons(flags.json === true);
    const inputs = flags.against === undefined ? [] : [flags.against];
    checkOutputs({ '-o': flags.output, '--save': flags.save }, inputs);
    const limits = limitsOf(flags);
    const runs = countOf({ runs: flags.runs }, 'runs', FEWEST_RUNS, 1000);
    const ways = [flags.save, flags.against, flags.againstRef].filter((way) => way !== undefined);
    if (ways.length > 1)
      throw wrongOption('save', 'give only one of --save, --against and --against-ref');
    if (ways.length === 0) return await measureHere(bench, flags, interrupt);
    const { signal } = interrupt;
    return await measureApart(bench, command, flags, limits, { runs, signal });
  } catch (error) {
    if (interrupt.isOn) {
      process.stderr.write('interrupted before all runs were made: there is no result\n');
      return EXIT.notCompleted;
    }
    if (!(error instanceof InputError || error instanceof DiffersError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error instanceof DiffersError ? EXIT.differs : EXIT.badInput;
  } finally {
    interrupt.forget();
  }
}

function listComparisons(isJson: boolean): number {
  const names = COMPARISONS.map(({ name }) => name);
  process.stdout.write(isJson ? `${JSON.stringify(names, null, 2)}\n` : `${names.join('\n')}\n`);
  return EXIT.done;
}

/** Returns commander's name of a flag: it calls `--page-size` pageSize. */
const camel = (flag: string): string =>
  flag.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());

function optionsOf(bench: Bench, flags: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(bench.options.map(({ flag }) => [flag, flags[camel(flag)] as string]));
}

async function measureHere(
  bench: Bench,
  flags: Flags & Record<string, string>,
  interrupt: Interruption,
): Promise<number> {
  const options = optionsOf(bench, flags);
  const progress = new Counted(`bench ${bench.name}`, 'preparing', flags.quiet !== true);
  const metrics: Metric[] = [];
  try {
    const show = (what: string): void => progress.show(what);
    const context = { options, clock: monotonicClock(), progress: show, metrics };
    const found = await interrupt.race(bench.run(context));
    if (!found && metrics.length === 0) {
      process.stderr.write(
        'interrupted before the first setting was measured: there is no result\n',
      );
      return EXIT.notCompleted;
    }
    const notes = ['interrupted: the settings that come later are missing'];
    const outcome = outcomeOf(bench.name, options, found ?? { metrics, notes }, commitOf());
    progress.stop();
    const isWritten = await deliver(flags, outcome, () => benchTable(outcome));
    return exitCode(found ? EXIT.done : EXIT.notCompleted, isWritten);
  } finally {
    progress.stop();
  }
}

async function measureApart(
  bench: Bench,
  command: Command,
  flags: Flags & Record<string, string>,
  limits: Limits,
  { runs, signal }: Pick<RunsParts, 'runs' | 'signal'>,
): Promise<number> {
  const progress = new Counted(`bench ${bench.name}`, 'preparing', flags.quiet !== true);
  signal.addEventListener('abort', () => progress.stop(), { once: true });
  const parts: RunsParts = {
    bench: bench.name,
    options: optionsOf(bench, flags),
    unasked: new Set(
      bench.options
        .map(({ flag }) => flag)
        .filter((flag) => command.getOptionValueSource(camel(flag)) !== 'cli'),
    ),
    runs,
    signal,
    progress: (what, done, all) => progress.show(what, done, all),
  };
  if (flags.save !== undefined) {
    const saved = await runApart(parts);
    progress.stop();
    const isSaved = writeFile('--save', flags.save, `${JSON.stringify(saved)}\n`);
    const all = pool(saved.runs);
    const isWritten = await deliver(flags, all, () => benchTable(all));
    return exitCode(EXIT.done, isSaved && isWritten);
  }
  const comparison =
    flags.against === undefined
      ? await againstRef(flags.againstRef!, parts, limits)
      : await againstFile(bench, command, flags.against, parts, limits);
  progress.stop();
  const isWritten = await deliver(flags, comparison, () => comparisonTable(comparison));
  const isWorse = comparison.judgements.some(({ verdict }) => verdict === 'regression');
  return exitCode(isWorse ? EXIT.notCompleted : EXIT.done, isWritten);
}

/** Compares with a file's runs, with the options of those runs. Refuses flags that differ from them. */
function againstFile(
  bench: Bench,
  command: Command,
  path: string,
  parts: RunsParts,
  limits: Limits,
): Promise<Comparison> {
  const known = bench.options.map(({ flag }) => flag);
  const saved = readRuns(path, bench.name, known);
  const { options } = saved.runs[0]!;
  for (const { flag } of bench.options) {
    const given = parts.options[flag];
    if (command.getOptionValueSource(camel(flag)) !== 'cli' || given === options[flag]) continue;
    throw wrongOption(
      flag,
      `${path} was measured with ${options[flag] ?? 'no such option'}: leave it out`,
    );
  }
  const isDefault = (flag: string): boolean =>
    bench.options.some((option) => option.flag === flag && option.default === options[flag]);
  const unasked = new Set(Object.keys(options).filter(isDefault));
  return againstRuns(saved, { ...parts, options, unasked }, limits);
}

type Limits = Pick<Comparison, 'threshold' | 'alpha'>;

function limitsOf(flags: Flags): Limits {
  const within = (flag: 'threshold' | 'alpha', most: number): number => {
    const value = Number(flags[flag]);
    if (flags[flag].trim() !== '' && value > 0 && value < most) return value;
    throw wrongOption(flag, `expected a number above 0 and below ${most}, got "${flags[flag]}"`);
  };
  return { threshold: within('threshold', 1000) / 100, alpha: within('alpha', 1) };
}

/** Puts the samples of all runs together, so that one table can show them. */
function pool(runs: readonly BenchOutcome[]): BenchOutcome {
  const metrics = new Map<string, Metric>();
  for (const metric of runs.flatMap((one) => one.metrics)) {
    const key = JSON.stringify([metric.of, metric.name, metric.unit]);
    const samples = [...(metrics.get(key)?.samples ?? []), ...metric.samples];
    metrics.set(key, { ...metric, samples });
  }
  return { ...runs[0]!, metrics: [...metrics.values()] };
}
