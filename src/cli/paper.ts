import { join } from 'node:path';
import { Command } from 'commander';
import { experimentNames, readExperiment } from '../lab/papers/experiment.ts';
import type { Outcome } from '../lab/papers/outcome.ts';
import { runExperiment } from '../lab/papers/run.ts';
import { paperChart, paperRows, papersPage, verdict } from '../report/paper.ts';
import { InputError } from '../scenario/input-error.ts';
import { nearest } from '../scenario/suggest.ts';
import { checkOutputs, makeFolder, STDOUT } from './check-output.ts';
import { EXIT } from './exit.ts';
import { type Column, layOut, lineWidth } from './columns.ts';
import { outputFlag } from './flags.ts';
import { Interruption } from './interrupt.ts';
import { deliver, exitCode, fitToTerminal, writeFile } from './output.ts';
import { Counted } from './progress.ts';
import { isClosed } from './stdout.ts';

interface Flags {
  readonly output?: string;
  readonly page?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function paperCommand(): Command {
  return new Command('paper')
    .description("reproduce a paper's figure: a table of paper, ours and error, and a chart")
    .argument('[name]', 'an experiment, the beginning of several, or all; without it, lists them')
    .option(
      '-o, --output <folder>',
      'write NAME.json, NAME.svg and NAME.png there; - prints the JSON',
    )
    .option('--page <file>', 'with all: write the page of all experiments')
    .option('--json', 'print the result as JSON on stdout, and nothing else')
    .option('-q, --quiet', 'print no table and no progress')
    .action(async (name: string | undefined, flags: Flags) => {
      process.exitCode = await refusing(() =>
        name === undefined ? list() : paper(name, printed(flags)),
      );
    });
}

/** Returns the flags in which `-o -` has become `--json`, as it means the same. */
function printed(flags: Flags): Flags {
  const { output, ...others } = flags;
  return output === STDOUT ? { ...others, json: true } : flags;
}

/** Returns the exit code of an act, and tells of bad input. */
async function refusing(act: () => number | Promise<number>): Promise<number> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EXIT.badInput;
  }
}

function list(): number {
  const rows = experimentNames().map((name) => {
    const { title, paper: source } = readExperiment(name);
    return [name, source, title];
  });
  const columns: Column[] = [Infinity, 1, 2].map((weight) => ({ weight, align: 'left' }));
  process.stdout.write(`${layOut(columns, rows, lineWidth(process.stdout)).join('\n')}\n`);
  return EXIT.done;
}

async function paper(name: string, flags: Flags): Promise<number> {
  const known = experimentNames();
  const names = name === 'all' ? known : namesOf(name, known);
  if (names.length === 0) {
    const guess = nearest(name, known);
    const hint = guess ? `did you mean ${guess}?` : `there are ${known.join(', ')}`;
    process.stderr.write(`${name}: is no experiment (${hint})\n`);
    return EXIT.badInput;
  }
  if (flags.page !== undefined && name !== 'all') {
    process.stderr.write('--page: the page has all experiments: write paper all --page FILE\n');
    return EXIT.badInput;
  }
  for (const one of names) readExperiment(one);
  if (flags.output !== undefined) makeFolder(flags.output, outputFlag());
  checkOutputs({ '--page': flags.page });
  const interrupt = new Interruption();
  try {
    const isWritten = await playAll(names, flags, interrupt);
    return exitCode(interrupt.isOn ? EXIT.notCompleted : EXIT.done, isWritten);
  } finally {
    interrupt.forget();
  }
}

/** Runs experiments; writes and prints what the flags ask for. Returns whether all of it was written. */
async function playAll(
  names: readonly string[],
  flags: Flags,
  interrupt: Interruption,
): Promise<boolean> {
  const outcomes: Outcome[] = [];
  let isWritten = true;
  for (const one of names) {
    // Nobody reads what comes next, as after `| head`.
    if (isClosed() && flags.output === undefined && flags.page === undefined) break;
    const outcome = await interrupt.race(play(one, flags, interrupt));
    if (!outcome) break;
    outcomes.push(outcome);
    if (flags.output !== undefined) isWritten = (await save(outcome, flags.output)) && isWritten;
    // Where the table can't be printed, watchStreams sees to the message and the exit code.
    if (!flags.json && !flags.quiet) process.stdout.write(fitToTerminal(`${text(outcome)}\n`));
  }
  if (interrupt.isOn) {
    const what = outcomes.length === 0 ? 'there is no result' : 'the results are those before it';
    process.stderr.write(`interrupted in ${names[outcomes.length]}: ${what}\n`);
    if (outcomes.length === 0) return true;
  }
  if (flags.json) {
    const json = outcomes.length > 1 ? outcomes : outcomes[0];
    isWritten = (await deliver({ json: true }, json, () => '')) && isWritten;
  }
  if (flags.page === undefined || interrupt.isOn) return isWritten;
  return writeFile('--page', flags.page, papersPage(outcomes)) && isWritten;
}

/** Returns the experiments of a name: clark-downtime-vs-bandwidth stands for its four workloads. */
function namesOf(name: string, known: readonly string[]): readonly string[] {
  const exactly = known.filter((one) => one === name);
  return exactly.length > 0 ? exactly : known.filter((one) => one.startsWith(`${name}-`));
}

async function play(name: string, { quiet }: Flags, { signal }: Interruption): Promise<Outcome> {
  const progress = new Counted(name, 'run 1', quiet !== true);
  const stop = (): void => progress.stop();
  signal.addEventListener('abort', stop);
  try {
    return await runExperiment(name, (done, all) => {
      progress.show(`run ${Math.min(done + 1, all)} of ${all}`, done, all);
    });
  } finally {
    stop();
    signal.removeEventListener('abort', stop);
  }
}

/**
 * Writes an outcome and its chart, and returns whether all files were written. Only this function imports the charting
 * library, which loads slowly.
 */
async function save(outcome: Outcome, folder: string): Promise<boolean> {
  const { chartSvg, pngOf } = await import('../report/chart.ts');
  const svg = chartSvg(paperChart(outcome));
  const file = (ending: string): string => join(folder, `${outcome.name}.${ending}`);
  const files: readonly (readonly [string, string | Uint8Array])[] = [
    [file('json'), `${JSON.stringify(outcome, null, 2)}\n`],
    [file('svg'), svg],
    [file('png'), pngOf(svg)],
  ];
  return files.map(([path, content]) => writeFile(outputFlag(), path, content)).every(Boolean);
}

function text(outcome: Outcome): string {
  const { name, title, paper: source, about, fitted, notes } = outcome;
  return [
    `${name}: ${title} (${source})`,
    about.trim(),
    '',
    ...tableOf(paperRows(outcome)),
    '',
    verdict(outcome),
    ...fitted.map((line) => `fitted: ${line.trim()}`),
    ...notes.map((line) => line.trim()),
    '',
  ].join('\n');
}

/** The first column, which says where a figure is, stays; the later ones go first on a narrow terminal. */
function tableOf(rows: readonly (readonly string[])[]): string[] {
  const columns = rows[0]!.map((_, i): Column => ({ weight: i === 0 ? Infinity : -i }));
  return layOut(columns, rows, lineWidth(process.stdout));
}
