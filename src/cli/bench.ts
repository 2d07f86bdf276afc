import { Command } from 'commander';
import { monotonicClock } from '../clock/monotonic.ts';
import { BENCHES } from '../lab/bench/benches.ts';
import { COMPARISONS } from '../lab/bench/comparisons.ts';
import { countOf, wrongOption } from '../lab/bench/options.ts';
import { type Bench, DiffersError, type Metric, outcomeOf } from '../lab/bench/outcome.ts';
import { commitOf } from '../lab/bench/program.ts';
import { FEWEST_RUNS } from '../lab/bench/runs-file.ts';
import { InputError, shorten } from '../scenario/input-error.ts';
import { nearest } from '../scenario/suggest.ts';
import { measureApart, writeReport } from './bench-apart.ts';
import { addOptions, type Flags, limitsOf, optionsOf } from './bench-flags.ts';
import { benchTable } from './bench-table.ts';
import { benchMarkdown } from '../report/markdown.ts';
import { checkOutputs } from './check-output.ts';
import { EXIT } from './exit.ts';
import { outputFlag } from './flags.ts';
import { Interruption } from './interrupt.ts';
import { deliver, exitCode } from './output.ts';
import { Counted } from './progress.ts';

export function benchCommand(): Command {
  const command = new Command('bench')
    .description(
      'measure dirty logs, demand paging, the link, encodings, migrations; compare two versions',
    )
    // What names none of the commands below is refused here, with a suggestion.
    .usage('[name] [options]')
    .argument('[name...]', 'the bench to run; without it, this help')
    .allowUnknownOption()
    .action(([name]: readonly string[]) => {
      process.exitCode = name === undefined ? help(command) : refuseName(name);
    });
  for (const bench of BENCHES) {
    const one = addOptions(new Command(bench.name).description(bench.about), bench);
    one.action(async (flags: Flags) => {
      process.exitCode = await run(bench, one, flags);
    });
    command.addCommand(one);
  }
  return command;
}

function help(command: Command): number {
  process.stdout.write(command.helpInformation());
  return EXIT.done;
}

function refuseName(name: string): number {
  const names = BENCHES.map((bench) => bench.name);
  const guess = nearest(name, names);
  const hint = guess === undefined ? `there are ${names.join(', ')}` : `did you mean ${guess}?`;
  process.stderr.write(`bench ${shorten(name)}: is no bench (${hint})\n`);
  return EXIT.badInput;
}

async function run(bench: Bench, command: Command, flags: Flags): Promise<number> {
  const interrupt = new Interruption();
  try {
    if (flags.list) return listComparisons(flags.json === true);
    checkFiles(flags);
    const limits = limitsOf(flags);
    const runs = countOf(flags, 'runs', FEWEST_RUNS, 1000);
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

function checkFiles({ output, save, markdown, junit, against, againstRef }: Flags): void {
  const outputs = {
    [outputFlag()]: output,
    '--save': save,
    '--markdown': markdown,
    '--junit': junit,
  };
  checkOutputs(outputs, against === undefined ? [] : [against]);
  if (junit === undefined || against !== undefined || againstRef !== undefined) return;
  throw wrongOption(
    'junit',
    'reports a comparison: add --against or --against-ref, or leave it out',
  );
}

function listComparisons(isJson: boolean): number {
  const names = COMPARISONS.map(({ name }) => name);
  process.stdout.write(isJson ? `${JSON.stringify(names, null, 2)}\n` : `${names.join('\n')}\n`);
  return EXIT.done;
}

async function measureHere(bench: Bench, flags: Flags, interrupt: Interruption): Promise<number> {
  const options = optionsOf(bench, flags);
  const progress = new Counted(`bench ${bench.name}`, 'preparing', flags.quiet !== true);
  const metrics: Metric[] = [];
  try {
    const show: typeof progress.show = (what, done, all) => progress.show(what, done, all);
    const context = { options, clock: monotonicClock(), progress: show, metrics };
    const found = await interrupt.race(bench.run(context));
    progress.stop();
    if (!found && metrics.length === 0) {
      process.stderr.write(
        'interrupted before the first setting was measured: there is no result\n',
      );
      return EXIT.notCompleted;
    }
    const notes = ['interrupted: the settings that come later are missing'];
    const outcome = outcomeOf(bench.name, options, found ?? { metrics, notes }, commitOf());
    const isReported = writeReport('--markdown', flags.markdown, () => benchMarkdown(outcome));
    const isWritten = await deliver(flags, outcome, () => benchTable(outcome));
    return exitCode(found ? EXIT.done : EXIT.notCompleted, isReported && isWritten);
  } finally {
    progress.stop();
  }
}
