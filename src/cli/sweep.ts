import { join } from 'node:path';
import { Command } from 'commander';
import { executeSweep, type SweepEnd } from '../lab/sweep/execute.ts';
import { loadSweep, type Sweep, SWEEP_PRESET_FOLDER } from '../lab/sweep/load.ts';
import { panelsOf } from '../lab/sweep/panels.ts';
import { inOrderOf, type PlanOptions, planSweep, type SweepPlan } from '../lab/sweep/plan.ts';
import { programDigest } from '../lab/sweep/program.ts';
import { Store, StoreError } from '../lab/sweep/store.ts';
import { writeTable } from '../lab/sweep/table.ts';
import { VERSION } from '../result/version.ts';
import { writeAtomically, WriteError } from '../result/write.ts';
import { InputError } from '../scenario/input-error.ts';
import { presets } from '../scenario/load.ts';
import { checkChart, writeChart } from './chart.ts';
import { checkOutputs, makeFolder, STDOUT } from './check-output.ts';
import { EXIT } from './exit.ts';
import { collect, outputFlag, presetsHelp } from './flags.ts';
import { Interruption } from './interrupt.ts';
import { Counted } from './progress.ts';
import { print } from './stdout.ts';
import { sweepSummary } from './sweep-table.ts';

interface SweepFlags {
  readonly output?: string;
  readonly set?: readonly string[];
  readonly shard?: string;
  readonly again?: boolean;
  readonly retryFailed?: boolean;
  readonly quiet?: boolean;
  readonly chart?: string;
}

const EXIT_CODES =
  '0 all runs are in the store, 1 not all are, or some failed, 2 bad input, 3 a byte differed';

type Shard = NonNullable<PlanOptions['shard']>;

/** The figures that a chart shows, a row of panels for each. */
const CHARTED = ['downtimeMs', 'totalTimeMs'];

export function sweepCommand(): Command {
  return new Command('sweep')
    .description('run a grid of scenarios over all cores, and keep every result in a store')
    .argument('<file>', 'a preset, a file (with / or .yaml, .yml), or - for stdin')
    .option('-o, --output <dir>', "the store's folder; by default the sweep's name with .sweep")
    .option('--set <key=value>', 'override a key of every scenario', collect)
    .option('--shard <i/n>', 'run the i-th of n shares of the runs, as a job of an array does')
    .option('--again', 'run everything again, also what the store has')
    .option('--retry-failed', 'run again what failed')
    .option(
      '--chart <file>',
      'draw downtime and total time over each quantity that varies: .svg or .png',
    )
    .option('-q, --quiet', 'print no table and no progress')
    .addHelpText('after', () => presetsHelp(presets(SWEEP_PRESET_FOLDER), EXIT_CODES))
    .action(async (file: string, flags: SweepFlags) => {
      process.exitCode = await sweepTo(file, flags);
    });
}

async function sweepTo(file: string, flags: SweepFlags): Promise<number> {
  try {
    const shard = shardOf(flags.shard);
    const sweep = loadSweep(file, flags.set);
    checkChart(flags.chart);
    checkOutputs({ '--chart': flags.chart });
    return await watched(sweep, flags, shard);
  } catch (error) {
    if (error instanceof InputError || error instanceof StoreError) {
      process.stderr.write(`${error.message}\n`);
      return EXIT.badInput;
    }
    if (!(error instanceof WriteError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EXIT.notCompleted;
  }
}

/** Looks at the grid, makes its runs, and shows both. The store is opened once the whole grid is known to be right. */
async function watched(sweep: Sweep, flags: SweepFlags, shard: Shard | undefined): Promise<number> {
  const progress = new Counted('sweep', 'looking at the grid', flags.quiet !== true);
  const interrupt = new Interruption();
  const { signal } = interrupt;
  let store: Store | undefined;
  try {
    const onPoint = (at: number): void =>
      progress.show(`looking at point ${at} of ${sweep.points}`, at, sweep.points);
    const plan = await planSweep(sweep, { ...(shard ? { shard } : {}), signal, onPoint });
    if (!plan.isWhole) {
      process.stderr.write('interrupted before the first run\n');
      return EXIT.notCompleted;
    }
    store = openStore(sweep, flags, shard);
    tellOfStore(store, plan);
    const end = await executeSweep(sweep, plan, store, {
      signal,
      onProgress({ done, all, failed }) {
        const runs = `${done} of ${all} runs`;
        progress.show(failed > 0 ? `${runs}, ${failed} failed` : runs, done, all);
      },
    });
    progress.stop();
    return await deliver({ sweep, plan, store, end }, flags);
  } finally {
    progress.stop();
    interrupt.forget();
    store?.close();
  }
}

function openStore(sweep: Sweep, flags: SweepFlags, shard: Shard | undefined): Store {
  const ending = shard ? `.${shard.index}of${shard.of}` : '';
  const folder = flags.output ?? `${sweep.name}${ending}.sweep`;
  if (folder === STDOUT) {
    const sentence = 'a store is a folder: name one, or write ./-';
    throw new InputError([{ place: outputFlag(), key: '', sentence }]);
  }
  makeFolder(folder);
  const store = Store.openToWrite(folder);
  writeAtomically(join(folder, 'sweep.yaml'), sweep.text);
  if (flags.again) store.forget(() => true);
  else if (flags.retryFailed) store.forget(({ result }) => result['outcome'] === 'failed');
  return store;
}

/** Says what is odd about the runs that a store has, and forgets those that must be made again. */
function tellOfStore(store: Store, { runs }: SweepPlan): void {
  const planned = new Set(runs.map(({ id }) => id));
  const lost = store.lostResults();
  const again = store.forget(({ id }) => planned.has(id) && lost.has(id));
  if (again > 0) say(store, `the full results of ${again} runs are gone, so these are made again`);
  const others = store.records.filter(
    ({ id, program }) => planned.has(id) && program !== undefined && program !== programDigest(),
  ).length;
  if (others > 0) {
    say(
      store,
      `${others} runs were made by another build of version ${VERSION}: they are kept as they are, --again makes them again`,
    );
  }
}

function say({ folder }: Store, sentence: string): void {
  process.stderr.write(`${folder}: ${sentence}\n`);
}

/** A sweep that has ended. */
interface Ended {
  readonly sweep: Sweep;
  readonly plan: SweepPlan;
  readonly store: Store;
  readonly end: SweepEnd;
}

/** Writes the table and the chart, prints the summary, and returns the exit code. */
async function deliver(ended: Ended, flags: SweepFlags): Promise<number> {
  const { store, plan, end } = ended;
  const table = await writeTable(store.folder, inOrderOf(plan, store.records));
  if (end.missing > 0) {
    process.stderr.write(
      `interrupted: ${store.records.length} runs are in ${store.folder}, ${end.missing} are missing; the same command goes on\n`,
    );
  }
  const isDrawn = flags.chart === undefined || (await draw(flags.chart, ended));
  if (flags.quiet !== true) await print(sweepSummary(store.folder, table, end, process.stdout));
  if (end.differing > 0) return EXIT.differs;
  return end.missing === 0 && end.failed === 0 && isDrawn ? EXIT.done : EXIT.notCompleted;
}

/** Draws the panels of a sweep; returns whether the chart was written. */
async function draw(path: string, { sweep, plan, store }: Ended): Promise<boolean> {
  const panels = panelsOf(sweep, plan.idOfPoint, store.records, CHARTED);
  if (panels.length === 0) {
    process.stderr.write(`--chart ${path}: no quantity varies, so there is nothing to draw\n`);
    return false;
  }
  const { panelsSvg } = await import('../report/panels.ts');
  const runs = new Set(plan.idOfPoint.values()).size;
  const subtitle = `${runs} runs: medians with quartiles; dashed: what formulas say`;
  const svg = panelsSvg({ title: sweep.name, subtitle, panels });
  return writeChart(path, svg);
}

/** Parses `3/10` into the third of ten shares. Throws InputError. */
function shardOf(text: string | undefined): Shard | undefined {
  if (text === undefined) return undefined;
  const match = /^(\d+)\/(\d+)$/.exec(text);
  const [index, of] = [Number(match?.[1]), Number(match?.[2])];
  if (index >= 1 && index <= of && of <= 1_000_000) return { index, of };
  const sentence = `expected a share such as 3/10, from 1/10 to 10/10, got "${text}"`;
  throw new InputError([{ place: '--shard', key: '', sentence }]);
}
