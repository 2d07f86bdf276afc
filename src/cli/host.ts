import { Command } from 'commander';
import { monotonicClock } from '../clock/monotonic.ts';
import { hostPresets, type LoadedHost, loadHost } from '../fleet/host/load.ts';
import { buildHostResult } from '../fleet/host/result.ts';
import type { HostResult } from '../fleet/host/result-schema.ts';
import { runHost } from '../fleet/host/run.ts';
import { ContentsError } from '../runtime/common/fill.ts';
import { InputError } from '../scenario/input-error.ts';
import { checkChart, writeChart } from './chart.ts';
import { checkOutputs } from './check-output.ts';
import { EXIT } from './exit.ts';
import { collect, outputFlag, presetsHelp, SCENARIO_ARGUMENT } from './flags.ts';
import { HostDisplay } from './host-live.ts';
import { hostSummary } from './host-table.ts';
import { Interruption } from './interrupt.ts';
import { deliver, exitCode } from './output.ts';

export interface HostFlags {
  readonly set?: readonly string[];
  readonly output?: string;
  readonly chart?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const EXIT_CODES =
  '0 done, 1 the host could not go on or was interrupted, 2 bad input, 3 a byte differed, 130 second Ctrl-C';

export function hostCommand(): Command {
  return new Command('host')
    .description('an overcommitted host: balloon, page sharing, swap, idle-memory tax')
    .argument('<scenario>', SCENARIO_ARGUMENT)
    .option('--set <key=value>', 'override a key, such as host.idleTax=0', collect)
    .option('-o, --output <file>', 'write the JSON result to a file, - to stdout')
    .option('--chart <file>', "draw the guests' memory over time, .svg or .png")
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('-q, --quiet', 'print no summary and no progress')
    .addHelpText('after', () => presetsHelp(hostPresets(), EXIT_CODES))
    .action(async (scenario: string, flags: HostFlags) => {
      process.exitCode = await host(scenario, flags);
    });
}

/** Runs the command and returns its exit code. */
export async function host(name: string, flags: HostFlags): Promise<number> {
  try {
    checkChart(flags.chart);
    const loaded = loadHost(name, flags.set);
    checkOutputs({ [outputFlag()]: flags.output, '--chart': flags.chart }, loaded.files);
    const result = await play(loaded, flags);
    if (!result) {
      process.stderr.write('interrupted before a guest ran: there is no result\n');
      return EXIT.notCompleted;
    }
    let isWritten = await deliver(flags, result, () => hostSummary(result));
    if (flags.chart !== undefined) {
      const { hostSvg } = await import('../report/host.ts');
      isWritten = (await writeChart(flags.chart, hostSvg(result))) && isWritten;
    }
    return exitCode(exitCodeOf(result), isWritten);
  } catch (error) {
    if (error instanceof ContentsError) {
      process.stderr.write(`${name} guests: ${error.message}\n`);
      return EXIT.badInput;
    }
    if (!(error instanceof InputError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EXIT.badInput;
  }
}

/** Lets the host live; returns undefined when it was interrupted before it began. */
async function play(loaded: LoadedHost, flags: HostFlags): Promise<HostResult | undefined> {
  const display = new HostDisplay(
    process.stderr,
    monotonicClock(),
    loaded.config,
    flags.quiet !== true,
  );
  let isSettling = true;
  const interrupt = new Interruption();
  try {
    display.showSetUp();
    const work = runHost(loaded.config, {
      signal: interrupt.signal,
      proofSignal: interrupt.late,
      onSample: (sample) => {
        isSettling = false;
        display.show(sample);
      },
      onProof: () => display.showProof(),
    });
    const report = await interrupt.race(work, () => isSettling);
    return report && buildHostResult(loaded, report);
  } finally {
    display.stop();
    interrupt.forget();
  }
}

/** Returns the exit code: a byte that differs comes before a host that did not live to its end or was not proved. */
function exitCodeOf({ outcome, ok, scenario }: HostResult): number {
  if (ok === false) return EXIT.differs;
  const isProved = ok === true || scenario['verify'] === 'off';
  return outcome === 'completed' && isProved ? EXIT.done : EXIT.notCompleted;
}
