import { Command, InvalidArgumentError, Option } from 'commander';
import { proof } from './summary.ts';
import { buildSave } from '../result/snapshot.ts';
import type { SaveResult } from '../result/snapshot-schema.ts';
import { ContentsError } from '../runtime/common/fill.ts';
import { saveProblem } from '../runtime/common/snapshot/save-config.ts';
import type { SaveRequest } from '../runtime/common/snapshot/save-report.ts';
import { saveThreads } from '../runtime/threads/snapshot/save.ts';
import { saveVirtual } from '../runtime/virtual/snapshot/save.ts';
import { nodeFiles, SnapshotError, told } from '../snapshot/file-port.ts';
import { SAVE_MODES, type SaveMode } from '../snapshot/format.ts';
import { temporaryOf } from '../snapshot/writer.ts';
import { InputError } from '../scenario/input-error.ts';
import { loadScenario, type Override, presets } from '../scenario/load.ts';
import { formatSize } from '../units/size.ts';
import { checkOutputs } from './check-output.ts';
import { colours } from './colours.ts';
import { EXIT } from './exit.ts';
import { collect, outputFlag, presetsHelp, SCENARIO_ARGUMENT, type PlayFlags } from './flags.ts';
import { formatMs } from './format.ts';
import { deliver, exitCode } from './output.ts';
import { playShown } from './snapshot-live.ts';

interface SaveFlags extends PlayFlags {
  readonly mode: SaveMode;
  readonly base?: string;
  readonly channels: number;
  readonly direct: boolean;
}

const EXIT_CODES =
  '0 saved, 1 not saved and the guest goes on, 2 bad input, 3 a byte differed, 130 second Ctrl-C';
const MOST_CHANNELS = 16;

export function saveCommand(): Command {
  return new Command('save')
    .description('run a guest, save it to a file, and prove the file')
    .argument('<scenario>', SCENARIO_ARGUMENT)
    .argument('<file>', 'the snapshot; one that is there is replaced once the new one is complete')
    .addOption(
      new Option(
        '--mode <mode>',
        'offline: the guest is paused; live: it runs until the last pages; background: it runs on, and the file is the guest as it was at the start',
      )
        .choices(SAVE_MODES)
        .default('offline'),
    )
    .option('--base <file>', 'write only the pages that differ from this snapshot')
    .option('--channels <n>', 'how many threads write, with runtime threads', channels, 1)
    .option(
      '--no-direct',
      'write through the page cache; else past it, where the file system takes that',
    )
    .option('--set <key=value>', 'override a key, such as guest.memory=1GiB', collect)
    .option('--runtime <name>', 'threads: real time; virtual: a deterministic clock')
    .option('-o, --output <file>', 'write the JSON result to a file; - is stdout')
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('-q, --quiet', 'print no summary and no progress')
    .addHelpText('after', () => presetsHelp(presets(), EXIT_CODES))
    .action(async (scenario: string, file: string, flags: SaveFlags) => {
      process.exitCode = await save(scenario, file, flags);
    });
}

/** Reads the option of that name; commander reports what it throws. */
export function channels(text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 1 && number <= MOST_CHANNELS) return number;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${MOST_CHANNELS}.`);
}

async function save(name: string, path: string, flags: SaveFlags): Promise<number> {
  try {
    const { scenario, config, files } = loadScenario(name, setsOf(flags));
    const problem = saveProblem(config);
    if (problem) throw new InputError([{ place: name, ...problem }]);
    checkOutputs({ [outputFlag()]: flags.output, FILE: path }, files);
    const { mode, base, direct } = flags;
    const request: SaveRequest = { path, mode, base, channels: flags.channels, direct, scenario };
    removeAtExit(path);
    const saveGuest = config.runtime === 'virtual' ? saveVirtual : saveThreads;
    const report = await playShown(
      'save',
      flags.quiet !== true,
      (options) => saveGuest(config, request, options),
      (phase) => phase === 'prepare',
    );
    if (!report) {
      process.stderr.write('interrupted before the save began: there is no result\n');
      return EXIT.notCompleted;
    }
    const result = buildSave(request, report);
    const isWritten = await deliver(flags, result, () => summary(result));
    return exitCode(exitCodeOf(result), isWritten);
  } catch (error) {
    return complain(name, error);
  }
}

/** Has the program remove the temporary file of a snapshot when it ends before that is complete. */
function removeAtExit(path: string): void {
  const temporary = told(`${path} can't be written`, () => temporaryOf(nodeFiles, path));
  process.once('exit', () => nodeFiles.remove(temporary));
}

/** Says what is wrong with the input on standard error, and returns the exit code; any other error is thrown on. */
export function complain(name: string, error: unknown): number {
  if (error instanceof ContentsError) {
    process.stderr.write(`${name} guest.contents: ${error.message}\n`);
  } else if (error instanceof InputError || error instanceof SnapshotError) {
    process.stderr.write(`${error.message}\n`);
  } else throw error;
  return EXIT.badInput;
}

/** Returns what overrides keys of the scenario. */
export function setsOf({ set = [], runtime }: Pick<SaveFlags, 'set' | 'runtime'>): Override[] {
  if (runtime === undefined) return [...set];
  return [...set, { flag: '--runtime', key: 'runtime', value: runtime }];
}

function exitCodeOf({ outcome, verify, guestVerify }: SaveResult): number {
  if (verify?.ok === false || guestVerify?.ok === false) return EXIT.differs;
  const isProved = verify?.ok === true || verify?.kind === 'off';
  return outcome === 'completed' && isProved ? EXIT.done : EXIT.notCompleted;
}

const HOW = {
  offline: 'paused',
  live: 'while it ran',
  background: 'as it was at the start, while it ran on',
} as const;

function summary(result: SaveResult): string {
  const { file, pages, mode, outcome, error, totalTimeMs, pausedMs, guestVerify } = result;
  const size = formatSize(pages.total * pages.pageSize);
  const title = (result.scenario as { name?: string }).name ?? 'save';
  const colour = outcome === 'completed' ? colours.green : colours.red;
  const why = error === undefined ? '' : `: ${error}`;
  const rate = result.writtenBytesPerSecond ?? 0;
  const isSaved = outcome === 'completed';
  const lines = [
    `${colours.bold(title)}: ${size} guest, saved ${HOW[mode]} to ${file.path}`,
    `${colour(outcome)} in ${formatMs(totalTimeMs)}${why}`,
    ...(isSaved
      ? [
          `pages: ${pages.here} in the file, ${file.base === undefined ? '' : `${pages.base} in ${file.base}, `}${pages.zero} zero; ${pages.written} written ${file.direct ? 'past' : 'through'} the page cache at ${formatSize(Math.round(rate))}/s`,
        ]
      : []),
    ...(pausedMs === undefined ? [] : [`the vCPUs stood still for ${formatMs(pausedMs)}`]),
    ...(pages.copied === undefined
      ? []
      : [`${pages.copied} pages were copied because the guest was about to write them`]),
    ...(isSaved ? [`the file: ${proof(result)}`] : []),
    ...(guestVerify
      ? [`the guest, which went on: ${proof({ ...result, verify: guestVerify })}`]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}
