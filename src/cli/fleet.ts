import { Command } from 'commander';
import { monotonicClock } from '../clock/monotonic.ts';
import { fleetPresets, type LoadedFleet, loadFleet } from '../fleet/datacentre/load.ts';
import { buildFleetResult } from '../fleet/datacentre/result.ts';
import type { FleetResult } from '../fleet/datacentre/result-schema.ts';
import { runFleet } from '../fleet/datacentre/run.ts';
import { OwnKindError } from '../migration/spec/own-kinds.ts';
import { ContentsError } from '../runtime/common/fill.ts';
import { InputError } from '../scenario/input-error.ts';
import { checkChart, writeChart } from './chart.ts';
import { checkOutputs } from './check-output.ts';
import { EXIT } from './exit.ts';
import { collect, outputFlag, presetsHelp, SCENARIO_ARGUMENT } from './flags.ts';
import { FleetDisplay } from './fleet-live.ts';
import { type FleetCost, fleetSummary } from './fleet-table.ts';
import { Interruption } from './interrupt.ts';
import { deliver, exitCode } from './output.ts';

export interface FleetFlags {
  readonly set?: readonly string[];
  readonly policy?: string;
  readonly output?: string;
  readonly chart?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

const EXIT_CODES =
  '0 done, 1 interrupted or a migration did not complete, 2 bad input, 3 a byte differed, 130 second Ctrl-C';

export function fleetCommand(): Command {
  return new Command('fleet')
    .description('a data centre that finds its hotspots and migrates them away (Sandpiper)')
    .argument('<scenario>', SCENARIO_ARGUMENT)
    .option('--set <key=value>', 'override a key, such as hotspot.threshold=0.6', collect)
    .option('--policy <name>', 'the policy, in place of that of the scenario')
    .option('-o, --output <file>', 'write the JSON result to a file, - to stdout')
    .option('--chart <file>', 'draw hosts, responses and migrations over time, .svg or .png')
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('-q, --quiet', 'print no summary and no progress')
    .addHelpText('after', () => presetsHelp(fleetPresets(), EXIT_CODES))
    .action(async (scenario: string, flags: FleetFlags) => {
      process.exitCode = await fleet(scenario, flags);
    });
}

/** Runs the command and returns its exit code. */
export async function fleet(name: string, flags: FleetFlags): Promise<number> {
  try {
    checkChart(flags.chart);
    const { policy } = flags;
    const sets = policy === undefined ? [] : [{ flag: '--policy', key: 'policy', value: policy }];
    const loaded = loadFleet(name, [...(flags.set ?? []), ...sets]);
    checkOutputs({ [outputFlag()]: flags.output, '--chart': flags.chart }, loaded.files);
    const { result, cost } = await play(loaded, flags);
    if (result.reason !== undefined) process.stderr.write(`${name} policy: ${result.reason}\n`);
    let isWritten = await deliver(flags, result, () => fleetSummary(result, cost));
    if (flags.chart !== undefined) {
      const { fleetSvg } = await import('../report/fleet.ts');
      isWritten = (await writeChart(flags.chart, fleetSvg(result))) && isWritten;
    }
    return exitCode(exitCodeOf(result), isWritten);
  } catch (error) {
    if (error instanceof ContentsError || error instanceof OwnKindError) {
      const key = error instanceof OwnKindError ? `policy.${error.at}` : 'guests';
      process.stderr.write(`${name} ${key}: ${error.message}\n`);
      return EXIT.badInput;
    }
    if (!(error instanceof InputError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EXIT.badInput;
  }
}

interface Played {
  readonly result: FleetResult;
  readonly cost: FleetCost;
}

async function play(loaded: LoadedFleet, flags: FleetFlags): Promise<Played> {
  const display = new FleetDisplay(process.stderr, monotonicClock(), flags.quiet !== true);
  const interrupt = new Interruption();
  try {
    const before = process.cpuUsage();
    const report = await runFleet(loaded.config, {
      signal: interrupt.signal,
      proofSignal: interrupt.late,
      clock: monotonicClock(),
      onProgress: (progress) => display.show(progress),
    });
    const { user, system } = process.cpuUsage(before);
    const memoryBytes = process.resourceUsage().maxRSS * 1024;
    const cost = { ...report.wall!, cpuNs: (user + system) * 1000, memoryBytes };
    return { result: buildFleetResult(loaded, report), cost };
  } finally {
    display.stop();
    interrupt.forget();
  }
}

/** Returns the exit code: a byte that differs comes before a fleet that was ended or a migration that failed. */
function exitCodeOf({ outcome, ok, migrations, totals, scenario }: FleetResult): number {
  if (ok === false) return EXIT.differs;
  const isProved =
    scenario['verify'] === 'off' || migrations.every(({ run }) => run?.verify?.ok === true);
  const isDone = outcome === 'completed' && totals.moved === totals.migrations && isProved;
  return isDone ? EXIT.done : EXIT.notCompleted;
}
