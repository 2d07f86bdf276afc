import { Command } from 'commander';
import { type MeasuredFile, MeasuredFileError, readMeasured } from '../lab/validate/measured.ts';
import {
  LostByteError,
  type MetricName,
  type Prediction,
  validate,
  type Validation,
} from '../lab/validate/validate.ts';
import { InputError } from '../scenario/input-error.ts';
import { colours } from './colours.ts';
import { checkOutputs } from './check-output.ts';
import { EXIT } from './exit.ts';
import { type Column, layOut, lineWidth } from './columns.ts';
import { outputFlag } from './flags.ts';
import { Interruption } from './interrupt.ts';
import { Counted } from './progress.ts';
import { deliver, exitCode } from './output.ts';

interface Flags {
  readonly output?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function validateCommand(): Command {
  return new Command('validate')
    .description('predict measured migrations and print predicted beside measured')
    .argument('<file>', 'measured runs, pageferry/measured@1 (docs/validate.md)')
    .option('-o, --output <file>', 'write the JSON result to a file; - is stdout')
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('-q, --quiet', 'print no table and no progress')
    .action(async (file: string, flags: Flags) => {
      process.exitCode = await validateFile(file, flags);
    });
}

async function validateFile(path: string, flags: Flags): Promise<number> {
  try {
    checkOutputs({ [outputFlag()]: flags.output }, [path]);
    const file = readMeasured(path);
    const validation = await play(file, flags.quiet !== true);
    if (!validation) {
      process.stderr.write('interrupted before the first run was predicted: there is no result\n');
      return EXIT.notCompleted;
    }
    const isWhole = validation.notReached === undefined;
    const isWritten = await deliver(flags, validation, () => table(validation));
    return exitCode(isWhole ? EXIT.done : EXIT.notCompleted, isWritten);
  } catch (error) {
    const isLost = error instanceof LostByteError;
    if (!(isLost || error instanceof MeasuredFileError || error instanceof InputError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return isLost ? EXIT.differs : EXIT.badInput;
  }
}

/** Predicts the runs and shows the progress. After a signal the result has the runs that were done by then. */
async function play(file: MeasuredFile, isShown: boolean): Promise<Validation | undefined> {
  const progress = new Counted('validate', `run 1 of ${file.runs.length}`, isShown);
  const interrupt = new Interruption();
  let soFar: (() => Validation) | undefined;
  try {
    const work = validate(file, (done, all, now) => {
      soFar = now;
      progress.show(`run ${Math.min(done + 1, all)} of ${all}`, done, all);
    });
    return (await interrupt.race(work)) ?? soFar?.();
  } finally {
    progress.stop();
    interrupt.forget();
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A narrow terminal leaves the columns of little weight out. */
const COLUMNS: readonly Column[] = [Infinity, 6, 5, 4, 1, 3, 2].map((weight) => ({ weight }));
const SPREAD_COLUMNS: readonly Column[] = [Infinity, 1, 3, 2, 1].map((weight) => ({ weight }));

function table({ runs, skipped, summary, notReached }: Validation): string {
  const width = lineWidth(process.stdout);
  const head = ['run', 'outcome', 'total ms', 'MB', 'syncs', 'downtime ms', 'error of total'];
  const spread = Object.entries(summary).map(([name, { n, median, p90, max }]) => [
    name,
    String(n),
    percent(median),
    percent(p90),
    percent(max),
  ]);
  return [
    'measured → predicted; figures in (brackets) are not counted, --json says why',
    ...layOut(COLUMNS, [head, ...runs.map(rowOf)], width),
    ...runs.flatMap(({ id, warnings = [] }) =>
      warnings.map((one) => colours.yellow(`${id}: ${one}`)),
    ),
    ...skipped.map(({ id, reason }) => `${id}: skipped, ${reason}`),
    '',
    ...layOut(SPREAD_COLUMNS, [['error of', 'runs', 'median', 'p90', 'worst'], ...spread], width),
    ...(notReached === undefined ? [] : [`interrupted: ${notReached} runs were not reached`]),
    '',
  ].join('\n');
}

function rowOf({ id, measured: m, predicted: p, errors, counted }: Prediction): string[] {
  const pair = (name: MetricName, isCounted: boolean, scale = 1): string => {
    const show = (value: number | null): string =>
      value === null ? '-' : String(Math.round(value / scale));
    const text = `${show(m[name])} → ${show(p[name])}`;
    return isCounted ? text : `(${text})`;
  };
  const outcome = m.outcome === p.outcome ? m.outcome : `${m.outcome} → ${p.outcome}`;
  return [
    id,
    counted.outcome ? outcome : `(${outcome})`,
    pair('totalTimeMs', counted.time),
    pair('transferred', counted.transferred, 1e6),
    pair('dirtySyncCount', counted.transferred),
    pair('downtimeMs', counted.downtime),
    errors.totalTimeMs === null ? '' : percent(errors.totalTimeMs),
  ];
}
