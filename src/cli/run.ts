import { Command, Option } from 'commander';
import { colours } from './colours.ts';
import { buildResult } from '../result/build.ts';
import type { RunResult } from '../result/schema.ts';
import { ContentsError } from '../runtime/common/fill.ts';
import { tracesTooShort } from '../runtime/common/trace-warnings.ts';
import type { RunConfig } from '../runtime/config.ts';
import type { RunReport } from '../runtime/report.ts';
import { LIVE_PHASES } from '../runtime/threads/run-words.ts';
import {
  type LiveView,
  type RunOptions,
  type RunPhase,
  RunSetupError,
  runThreads,
} from '../runtime/threads/run.ts';
import { playVirtual } from '../runtime/virtual/play.ts';
import { InputError } from '../scenario/input-error.ts';
import { loadScenario, type Override, presets } from '../scenario/load.ts';
import { checkChart, writeChart } from './chart.ts';
import { checkOutputs } from './check-output.ts';
import { EXIT } from './exit.ts';
import { collect, outputFlag, presetsHelp, SCENARIO_ARGUMENT } from './flags.ts';
import { Interruption } from './interrupt.ts';
import { describe, describeSetUp, describeVirtual } from './live.ts';
import { deliver, exitCode } from './output.ts';
import { type Part, Progress, Share } from './progress.ts';
import { summary } from './summary.ts';

interface RunFlags {
  readonly set?: readonly string[];
  readonly runtime?: string;
  readonly output?: string;
  readonly pages?: boolean;
  readonly chart?: string;
  readonly pageChart?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const PAGE_CHART = '--page-chart';
const EXIT_CODES =
  '0 completed, 1 not completed, 2 bad input, 3 a byte differed, 130 second Ctrl-C';

export function runCommand(): Command {
  return new Command('run')
    .description('run one migration and prove its every byte')
    .argument('<scenario>', SCENARIO_ARGUMENT)
    .option('--set <key=value>', 'override a key, such as link.bandwidth=10Gbit/s', collect)
    .addOption(
      new Option(
        '--runtime <name>',
        'threads: real time, worker threads; virtual: a deterministic clock, as fast as it goes',
      ),
    )
    .option('-o, --output <file>', 'write the JSON result to a file; - is stdout')
    .option('--pages', 'record which pages are sent how often, and dirtied when')
    .option('--chart <file>', 'draw rounds, dirtied pages, throttle and the guest, .svg or .png')
    .option(
      '--page-chart <file>',
      'draw which pages were sent and dirtied, .svg or .png; records them',
    )
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('-q, --quiet', 'print no summary and no progress')
    .addHelpText('after', () => presetsHelp(presets(), EXIT_CODES))
    .action(async (scenario: string, flags: RunFlags) => {
      process.exitCode = await runNamed(scenario, flags);
    });
}

async function runNamed(name: string, flags: RunFlags): Promise<number> {
  try {
    const sets = setsOf(flags);
    checkChart(flags.chart);
    checkChart(flags.pageChart, PAGE_CHART);
    const { scenario, config, files } = loadScenario(name, sets);
    const { output, chart, pageChart } = flags;
    checkOutputs({ [outputFlag()]: output, '--chart': chart, [PAGE_CHART]: pageChart }, files);
    warn(tracesTooShort(config));
    const report = await play(config, flags.quiet !== true);
    if (!report) {
      process.stderr.write('interrupted before the migration began: there is no result\n');
      return EXIT.notCompleted;
    }
    const result = buildResult(scenario, report);
    const areDrawn = [await draw(chart, result, report), await drawPages(pageChart, result)];
    const isWritten = await deliver(flags, result, () => summary(result, report.wall));
    warn(result.warnings ?? []);
    return exitCode(exitCodeOf(result), isWritten && !areDrawn.includes(false));
  } catch (error) {
    if (error instanceof ContentsError) {
      process.stderr.write(`${name} guest.contents: ${error.message}\n`);
      return EXIT.badInput;
    }
    if (!(error instanceof InputError || error instanceof RunSetupError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error instanceof InputError ? EXIT.badInput : EXIT.notCompleted;
  }
}

/** Returns what overrides keys of the scenario: `--set`, and options with keys of their own. */
function setsOf({ set = [], runtime, pages, pageChart }: RunFlags): Override[] {
  const recorder = pages ? '--pages' : pageChart === undefined ? undefined : PAGE_CHART;
  return [
    ...set,
    ...(runtime === undefined ? [] : [{ flag: '--runtime', key: 'runtime', value: runtime }]),
    ...(recorder ? [{ flag: recorder, key: 'migration.recordPages', value: true }] : []),
  ];
}

/** Says loudly what makes a guest differ from the one that it stands for, whatever else is printed. */
function warn(sentences: readonly string[]): void {
  for (const one of sentences) process.stderr.write(`${colours.yellow(`warning: ${one}`)}\n`);
}

/** How far a run is, as far as notes about a signal and the line on the terminal have to know. */
interface Stand {
  phase: RunPhase;
  isPostcopy: () => boolean;
  parts: () => readonly Part[];
}

/** Makes the run and shows its progress. Returns undefined when a signal came before the migration could begin. */
function play(config: RunConfig, isShown: boolean): Promise<RunReport | undefined> {
  if (config.runtime !== 'virtual') {
    return playReal(config, isShown, (options) => runThreads(config, options));
  }
  return watch(config, isShown, (interrupt, stand, share) =>
    playVirtual(config, {
      signal: interrupt.signal,
      proofSignal: interrupt.late,
      onProgress(now) {
        stand.phase = now.phase;
        stand.isPostcopy = () => now.isPostcopy;
        stand.parts = () => describeVirtual(now, share);
      },
    }),
  );
}

/** Does the same with a run in real time, which `start` makes. */
export function playReal(
  config: RunConfig,
  isShown: boolean,
  start: (options: RunOptions) => Promise<RunReport>,
): Promise<RunReport | undefined> {
  return watch(config, isShown, (interrupt, stand, share) =>
    start(shownOn(stand, share, interrupt)),
  );
}

async function watch(
  config: RunConfig,
  isShown: boolean,
  start: (interrupt: Interruption, stand: Stand, share: Share) => Promise<RunReport>,
): Promise<RunReport | undefined> {
  const progress = new Progress(process.stderr, isShown);
  const share = new Share();
  const nothing = { doneBytes: 0, allBytes: config.guest.memoryBytes };
  const stand: Stand = {
    phase: 'prepare',
    isPostcopy: () => false,
    parts: () => describeSetUp(nothing, share),
  };
  const interrupt: Interruption = new Interruption(() => {
    if (stand.phase === 'prepare') return true;
    progress.note(colours.yellow(`${interruptNote(stand)}${interrupt.hint}`));
    // The guest would be lost without its pages.
    return !(stand.phase === 'migrate' && stand.isPostcopy());
  });
  const work = start(interrupt, stand, share);
  progress.start(() => stand.parts());
  try {
    return await interrupt.race(work, () => stand.phase === 'prepare');
  } finally {
    progress.stop();
    interrupt.forget();
  }
}

/** Returns the options with which a run in real time shows where it stands, and hears signals. */
function shownOn(stand: Stand, share: Share, { signal, late }: Interruption): RunOptions {
  return {
    signal,
    proofSignal: late,
    onSetUp: (now) => {
      stand.parts = () => describeSetUp(now, share);
    },
    onStart: (look) => {
      let last: LiveView | undefined;
      stand.isPostcopy = () => LIVE_PHASES[look().figures.phase]?.startsWith('postcopy') === true;
      stand.parts = () => {
        const view = look();
        const parts = describe(view, last);
        last = view;
        return parts;
      };
    },
    onPhase: (phase) => {
      stand.phase = phase;
    },
  };
}

/** Draws the chart, if one is wanted, and returns whether it was written. Its library takes long to load. */
async function draw(
  path: string | undefined,
  result: RunResult,
  { guest, source }: RunReport,
): Promise<boolean> {
  if (path === undefined) return true;
  const { runSvg } = await import('../report/run-chart.ts');
  const timelineNs = (guest.timeline[0]?.ns ?? source.startNs) - source.startNs;
  return writeChart(path, runSvg(result, timelineNs / 1e6));
}

/** Draws the page map, if one is wanted, and returns whether it was written. */
async function drawPages(path: string | undefined, result: RunResult): Promise<boolean> {
  if (path === undefined) return true;
  const { pageMapSvg } = await import('../report/page-map/page-map.ts');
  return writeChart(path, pageMapSvg(result), PAGE_CHART);
}

/** Returns the exit code of a run: a byte that differs comes before an outcome. */
export function exitCodeOf(result: Pick<RunResult, 'outcome' | 'verify'>): number {
  if (result.verify?.ok === false) return EXIT.differs;
  const isProved = result.verify?.ok === true || result.verify?.kind === 'off';
  return result.outcome === 'completed' && isProved ? EXIT.done : EXIT.notCompleted;
}

function interruptNote({ phase, isPostcopy }: Stand): string {
  if (phase === 'after' || phase === 'verify') {
    return 'too late to cancel: the migration is over, the run will end soon';
  }
  if (phase === 'migrate' && isPostcopy()) {
    return 'too late to cancel: the guest runs at the destination, its pages are still coming';
  }
  return 'cancelling: the guest stays where it is';
}
