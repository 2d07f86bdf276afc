import { Command, Option } from 'commander';
import { monotonicClock } from '../clock/monotonic.ts';
import { type LoadedProtection, loadProtection, protectPresets } from '../fleet/protect/load.ts';
import { playProtection } from '../fleet/protect/play.ts';
import { buildProtectResult } from '../fleet/protect/result.ts';
import type { ProtectResult } from '../fleet/protect/result-schema.ts';
import { ContentsError } from '../runtime/common/fill.ts';
import { InputError } from '../scenario/input-error.ts';
import type { Override } from '../scenario/load.ts';
import { checkOutputs } from './check-output.ts';
import { EXIT } from './exit.ts';
import { collect, outputFlag, presetsHelp, SCENARIO_ARGUMENT, type PlayFlags } from './flags.ts';
import { Interruption } from './interrupt.ts';
import { deliver, exitCode } from './output.ts';
import { ProtectDisplay } from './protect-live.ts';
import { protectSummary } from './protect-table.ts';

export interface ProtectFlags extends PlayFlags {}

const EXIT_CODES =
  '0 the guest lives on, 1 it is lost, runs twice, goes on from an older state or was interrupted, 2 bad input, 3 a byte or a packet differed, 130 second Ctrl-C';

export function protectCommand(): Command {
  return new Command('protect')
    .description('continuous replication (Remus, COLO): a guest survives its host')
    .argument('<scenario>', SCENARIO_ARGUMENT)
    .option('--set <key=value>', 'override a key, such as replication.interval=25ms', collect)
    .addOption(
      new Option(
        '--runtime <name>',
        'virtual: a deterministic clock; threads: real time, hosts are groups of threads that are terminated',
      ),
    )
    .option('-o, --output <file>', 'write the JSON result to a file, - to stdout')
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('-q, --quiet', 'print no summary and no progress')
    .addHelpText('after', () => presetsHelp(protectPresets(), EXIT_CODES))
    .action(async (scenario: string, flags: ProtectFlags) => {
      process.exitCode = await protect(scenario, flags);
    });
}

/** Runs the command and returns its exit code. */
export async function protect(name: string, flags: ProtectFlags): Promise<number> {
  try {
    const loaded = loadProtection(name, setsOf(flags));
    checkOutputs({ [outputFlag()]: flags.output }, loaded.files);
    const result = await play(loaded, flags);
    if (!result) {
      process.stderr.write('interrupted before the guest ran: there is no result\n');
      return EXIT.notCompleted;
    }
    const isWritten = await deliver(flags, result, () => protectSummary(result));
    return exitCode(exitCodeOf(result), isWritten);
  } catch (error) {
    if (error instanceof ContentsError) {
      process.stderr.write(`${name} guest: ${error.message}\n`);
      return EXIT.badInput;
    }
    if (!(error instanceof InputError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EXIT.badInput;
  }
}

/** Returns what overrides keys of the file: `--set`, and `--runtime`. */
function setsOf({ set = [], runtime }: ProtectFlags): Override[] {
  if (runtime === undefined) return [...set];
  return [...set, { flag: '--runtime', key: 'runtime', value: runtime }];
}

/** Lets the guest live; returns undefined when that was interrupted before it began. */
async function play(
  loaded: LoadedProtection,
  flags: ProtectFlags,
): Promise<ProtectResult | undefined> {
  const display = new ProtectDisplay(
    process.stderr,
    monotonicClock(),
    loaded.config,
    flags.quiet !== true,
  );
  let isSettling = true;
  const interrupt = new Interruption();
  try {
    display.showSetUp();
    const work = playProtection(loaded.config, {
      signal: interrupt.signal,
      proofSignal: interrupt.late,
      onSettled: () => {
        isSettling = false;
      },
      onEpoch: (record, nowNs) => display.show(record, nowNs),
      onProof: () => display.showProof(),
    });
    const report = await interrupt.race(work, () => isSettling);
    return report && buildProtectResult(loaded, report);
  } finally {
    display.stop();
    interrupt.forget();
  }
}

/** Returns the exit code: a byte or a packet that differs comes before a guest that did not live on. */
function exitCodeOf({ outcome, ok, scenario, problems }: ProtectResult): number {
  if (ok === false || problems.length > 0) return EXIT.differs;
  const isProved = ok === true || scenario['verify'] === 'off';
  return outcome === 'completed' && isProved ? EXIT.done : EXIT.notCompleted;
}
