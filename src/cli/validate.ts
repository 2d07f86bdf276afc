import { Command } from 'commander';
import { MeasuredFileError, readMeasured } from '../lab/validate/measured.ts';
import {
  LostByteError,
  type MetricName,
  type Prediction,
  validate,
  type Validation,
} from '../lab/validate/validate.ts';
import { InputError } from '../scenario/input-error.ts';
import { EXIT } from './exit.ts';
import { alignRows } from './format.ts';
import { checkOutput, deliver, exitCode } from './output.ts';

interface Flags {
  readonly output?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function validateCommand(): Command {
  return new Command('validate')
    .description('predict measured migrations and print predicted beside measured')
    .argument('<file>', 'measured runs, pageferry/measured@1 (docs/validate.md)')
    .option('-o, --output <file>', 'write the JSON result to a file')
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('-q, --quiet', 'print no table and no progress')
    .action(async (file: string, flags: Flags) => {
      process.exitCode = await validateFile(file, flags);
    });
}

async function validateFile(path: string, flags: Flags): Promise<number> {
  try {
    checkOutput(flags.output);
    const file = readMeasured(path);
    const isShown = flags.quiet !== true && process.stderr.isTTY;
    const validation = await validate(file, (done, all) => {
      if (isShown) process.stderr.write(`\r\x1b[2Kpredicted ${done} of ${all}`);
    });
    if (isShown) process.stderr.write('\r\x1b[2K');
    return exitCode(EXIT.done, await deliver(flags, validation, () => table(validation)));
  } catch (error) {
    const isLost = error instanceof LostByteError;
    if (!(isLost || error instanceof MeasuredFileError || error instanceof InputError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return isLost ? EXIT.differs : EXIT.badInput;
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function table({ runs, skipped, summary }: Validation): string {
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
    ...alignRows([head, ...runs.map(rowOf)]),
    ...skipped.map(({ id, reason }) => `${id}: skipped, ${reason}`),
    '',
    ...alignRows([['error of', 'runs', 'median', 'p90', 'worst'], ...spread]),
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
