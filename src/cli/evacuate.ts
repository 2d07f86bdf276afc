import { Command, Option } from 'commander';
import { monotonicClock } from '../clock/monotonic.ts';
import type { EvacuationConfig } from '../fleet/evacuation/config.ts';
import { withParallel } from '../fleet/evacuation/limits.ts';
import {
  evacuationPresets,
  type LoadedEvacuation,
  loadEvacuation,
} from '../fleet/evacuation/load.ts';
import type { EvacuationOptions, EvacuationReport } from '../fleet/evacuation/report.ts';
import type { EvacuationResult } from '../fleet/evacuation/result-schema.ts';
import { buildEvacuationResult } from '../fleet/evacuation/result.ts';
import { runEvacuation } from '../fleet/evacuation/run.ts';
import { ContentsError } from '../runtime/common/fill.ts';
import { RunSetupError } from '../runtime/threads/run.ts';
import { InputError } from '../scenario/input-error.ts';
import { checkChart, writeChart } from './chart.ts';
import { checkOutputs, type Outputs } from './check-output.ts';
import { colours } from './colours.ts';
import { collect, outputFlag, presetsHelp, SCENARIO_ARGUMENT } from './flags.ts';
import { Interruption } from './interrupt.ts';
import { EvacuationDisplay } from './evacuate-live.ts';
import { evacuationSummary, parallelTable } from './evacuate-table.ts';
import { EXIT } from './exit.ts';
import { deliver, exitCode } from './output.ts';

export interface EvacuateFlags {
  readonly set?: readonly string[];
  readonly runtime?: string;
  readonly parallel?: string;
  readonly output?: string;
  readonly chart?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

type Play = (config: EvacuationConfig, options?: EvacuationOptions) => Promise<EvacuationReport>;

const EXIT_CODES =
  '0 the host is empty, 1 a guest stayed, 2 bad input, 3 a byte differed, 130 second Ctrl-C';

export function evacuateCommand(): Command {
  return new Command('evacuate')
    .description('empty a host: many guests, shared links, limits of parallel migrations')
    .argument('<scenario>', SCENARIO_ARGUMENT)
    .option('--set <key=value>', 'override a key, such as core.bandwidth=10Gbit/s', collect)
    .addOption(
      new Option(
        '--runtime <name>',
        'virtual: a deterministic clock, any number of guests; threads: real time, four small ones',
      ),
    )
    .option('--parallel <numbers>', 'how many guests migrate at a time; 1,2,5,10 makes four runs')
    .option(
      '-o, --output <file>',
      'write the JSON result to a file, - to stdout; several runs make a list',
    )
    .option('--chart <file>', 'draw a Gantt chart, .svg or .png; several runs make FILE-1.svg, …')
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('-q, --quiet', 'print no summary and no progress')
    .addHelpText('after', () => presetsHelp(evacuationPresets(), EXIT_CODES))
    .action(async (scenario: string, flags: EvacuateFlags) => {
      process.exitCode = await evacuate(scenario, flags);
    });
}

/** Runs the command and returns its exit code. `play` is the function that empties the host. */
export async function evacuate(
  name: string,
  flags: EvacuateFlags,
  play: Play = runEvacuation,
): Promise<number> {
  try {
    const { runtime, set = [] } = flags;
    const sets =
      runtime === undefined ? set : [...set, { flag: '--runtime', key: 'runtime', value: runtime }];
    const numbers = flags.parallel === undefined ? undefined : numbersOf(flags.parallel);
    checkChart(flags.chart);
    const loaded = loadEvacuation(name, sets);
    checkOutputs({ [outputFlag()]: flags.output, ...chartsOf(flags, numbers) }, loaded.files);
    if (!flags.quiet) process.stderr.write(noteOnCpus(loaded.config));
    const played = await playAll(loaded, numbers, flags, play);
    if (played.length === 0) {
      process.stderr.write('interrupted before a guest could migrate: there is no result\n');
      return EXIT.notCompleted;
    }
    const isWritten = await write(played, flags);
    return exitCode(
      exitCodeOf(
        played.map(({ result }) => result),
        numbers?.length,
      ),
      isWritten,
    );
  } catch (error) {
    if (error instanceof ContentsError) {
      process.stderr.write(`${name} guests: ${error.message}\n`);
      return EXIT.badInput;
    }
    if (!(error instanceof InputError || error instanceof RunSetupError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return error instanceof InputError ? EXIT.badInput : EXIT.notCompleted;
  }
}

/** Returns a line that says that the hosts' CPUs have no effect in real time; it is empty when that matters not. */
function noteOnCpus({ runtime, hosts }: EvacuationConfig): string {
  if (runtime !== 'threads' || hosts.every(({ cpus }) => cpus === Infinity)) return '';
  return 'hosts[].cpus has no effect in the runtime threads, where all guests share the CPUs of this machine\n';
}

/** One evacuation that has been run. */
interface Played {
  /** How many guests migrated at a time; absent when the file's own limits applied. */
  readonly at?: number;
  readonly result: EvacuationResult;
  readonly wall: EvacuationReport['wall'];
}

/** Makes a run for each of `numbers`, or one with the file's own limits; a Ctrl-C leaves out the rest. */
async function playAll(
  loaded: LoadedEvacuation,
  numbers: readonly number[] | undefined,
  flags: EvacuateFlags,
  play: Play,
): Promise<Played[]> {
  const clock = monotonicClock();
  let display: EvacuationDisplay | undefined;
  let isSettling = true;
  const interrupt: Interruption = new Interruption(() => {
    if (isSettling) return;
    const note = 'cancelling: guests that have not moved stay where they are';
    display?.note(colours.yellow(`${note}${interrupt.hint}`));
  });
  const played: Played[] = [];
  try {
    for (const at of numbers ?? [undefined]) {
      if (interrupt.isOn) break;
      isSettling = true;
      const config =
        at === undefined
          ? loaded.config
          : { ...loaded.config, limits: withParallel(loaded.config.limits, at) };
      const prefix = at === undefined ? '' : `${at} at a time: `;
      display = new EvacuationDisplay(process.stderr, clock, config, flags.quiet !== true, prefix);
      try {
        const startNs = clock.now();
        const work = play(config, {
          signal: interrupt.signal,
          proofSignal: interrupt.late,
          onSetUp: (progress) => display?.showSetUp(progress),
          onProgress: (progress) => {
            isSettling = false;
            display?.show(progress);
          },
        });
        const report = await interrupt.race(work, () => isSettling);
        if (!report) break;
        const result = buildEvacuationResult({ ...loaded, config }, report);
        // The time includes the set-up and the proofs.
        const wall = report.wall && { ...report.wall, ns: clock.now() - startNs };
        played.push({ ...(at === undefined ? {} : { at }), result, wall });
      } finally {
        display.stop();
      }
    }
  } finally {
    interrupt.forget();
  }
  return played;
}

/** Writes and prints what the flags ask for; returns whether all of it was written. */
async function write(played: readonly Played[], flags: EvacuateFlags): Promise<boolean> {
  const results = played.map(({ result }) => result);
  const isOne = flags.parallel === undefined || !flags.parallel.includes(',');
  const isWritten = await deliver(flags, isOne ? results[0] : results, () =>
    isOne ? summaryOf(played[0]!) : tableOf(played),
  );
  if (flags.chart === undefined) return isWritten;
  return (await draw(played, flags.chart, isOne)) && isWritten;
}

const summaryOf = ({ result, wall }: Played): string => evacuationSummary(result, wall);

function tableOf(played: readonly Played[]): string {
  return parallelTable(played.map(({ at = 0, result }) => ({ at, result })));
}

/**
 * Draws the charts and returns whether all were written. Their library takes long to load, so only this function
 * imports it.
 */
async function draw(played: readonly Played[], path: string, isOne: boolean): Promise<boolean> {
  const { ganttSvg } = await import('../report/gantt.ts');
  let isWritten = true;
  for (const { at, result } of played) {
    const file = isOne || at === undefined ? path : chartFile(path, at);
    isWritten = (await writeChart(file, ganttSvg(result))) && isWritten;
  }
  return isWritten;
}

/** Returns the files of the charts. Several runs make several, which `chartFile` names. */
function chartsOf({ chart, parallel }: EvacuateFlags, numbers: readonly number[] = []): Outputs {
  if (chart === undefined) return {};
  if (parallel?.includes(',') !== true) return { '--chart': chart };
  return Object.fromEntries(
    numbers.map((at) => [`--chart of ${at} at a time`, chartFile(chart, at)]),
  );
}

/** Returns the name of one of several charts: `FILE-2.svg`. */
function chartFile(path: string, at: number): string {
  const [, stem = path, ending = ''] = /^(.*)(\.(?:svg|png))$/.exec(path) ?? [];
  return `${stem}-${at}${ending}`;
}

/** Parses the numbers of `--parallel 1,2,5,10`. Throws InputError. */
function numbersOf(list: string): number[] {
  const numbers = list.split(',').map((part) => (/^\s*\d+\s*$/.test(part) ? Number(part) : 0));
  const wrong = numbers.findIndex((number) => number < 1 || number > 100_000);
  if (wrong >= 0) {
    const sentence = `expected whole numbers from 1 to 100000 such as 1,2,5,10, got "${list.split(',')[wrong]!}"`;
    throw new InputError([{ place: '--parallel', key: '', sentence }]);
  }
  return [...new Set(numbers)];
}

/** Returns the exit code: a byte that differs comes before a guest that stayed or was not proved. */
export function exitCodeOf(results: readonly EvacuationResult[], wanted = 1): number {
  const guests = results.flatMap((result) => result.guests);
  if (guests.some(({ run }) => run?.verify?.ok === false)) return EXIT.differs;
  const isDone = guests.every(({ outcome, run }) => {
    const isProved = run?.verify?.ok === true || run?.verify?.kind === 'off';
    return outcome === 'completed' && isProved;
  });
  return isDone && results.length >= wanted ? EXIT.done : EXIT.notCompleted;
}
