import { Command, Option } from 'commander';
import { colours } from './colours.ts';
import { buildResult } from '../result/build.ts';
import type { RunResult } from '../result/schema.ts';
import { ContentsError } from '../runtime/common/fill.ts';
import type { RunReport } from '../runtime/report.ts';
import { LIVE_PHASES } from '../runtime/threads/run-words.ts';
import { type LiveView, type RunPhase, RunSetupError, runThreads } from '../runtime/threads/run.ts';
import { InputError } from '../scenario/input-error.ts';
import { loadScenario, presets } from '../scenario/load.ts';
import { EXIT } from './exit.ts';
import { LiveDisplay } from './live.ts';
import { checkOutput, deliver, exitCode } from './output.ts';
import { summary } from './summary.ts';
import { playVirtual } from './virtual.ts';

interface RunFlags {
  readonly set: string[];
  readonly runtime?: string;
  readonly output?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function runCommand(): Command {
  return new Command('run')
    .description('run one migration and prove its every byte')
    .argument('<scenario>', 'a preset, a file (with / or .yaml, .yml, .json), or - for stdin')
    .option('--set <key=value>', 'override a key, such as link.bandwidth=10Gbit/s', collect, [])
    .addOption(
      new Option(
        '--runtime <name>',
        'threads: real time, worker threads; virtual: a deterministic clock, as fast as it goes',
      ),
    )
    .option('-o, --output <file>', 'write the JSON result to a file')
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('-q, --quiet', 'print no summary and no progress')
    .addHelpText('after', () => {
      const width = Math.max(...presets().map(({ name }) => name.length));
      const lines = presets().map(({ name, summary: text }) => `  ${name.padEnd(width)}  ${text}`);
      return `\nPresets:\n${lines.join('\n')}\n\nExit codes: 0 completed, 1 not completed, 2 bad input, 3 a byte differed, 130 second Ctrl-C`;
    })
    .action(async (scenario: string, flags: RunFlags) => {
      process.exitCode = await run(scenario, flags);
    });
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

async function run(name: string, flags: RunFlags): Promise<number> {
  try {
    const sets =
      flags.runtime === undefined ? flags.set : [...flags.set, `runtime=${flags.runtime}`];
    const { scenario, config } = loadScenario(name, sets);
    checkOutput(flags.output);
    const display = new LiveDisplay(process.stderr, flags.quiet !== true);
    const interrupt = cancelOnInterrupt(display);
    let result: RunResult;
    let wall: RunReport['wall'];
    try {
      const report =
        config.runtime === 'virtual'
          ? await playVirtual(config, interrupt.signal, flags.quiet !== true)
          : await runThreads(config, {
              signal: interrupt.signal,
              onStart: (read) => {
                display.start(read);
                interrupt.watch(read);
              },
              onPhase: (phase) => interrupt.enter(phase),
            });
      wall = report.wall;
      result = buildResult(scenario, report);
    } finally {
      display.stop();
      interrupt.forget();
    }
    const isWritten = await deliver(flags, result, () => summary(result, wall));
    return exitCode(exitCodeOf(result), isWritten);
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

/** Returns the exit code of a run: a byte that differs comes before an outcome. */
export function exitCodeOf(result: Pick<RunResult, 'outcome' | 'verify'>): number {
  if (result.verify?.ok === false) return EXIT.differs;
  const isProved = result.verify?.ok === true || result.verify?.kind === 'off';
  return result.outcome === 'completed' && isProved ? EXIT.done : EXIT.notCompleted;
}

/**
 * Handles Ctrl-C. The first one cancels the migration: the guest stays at the source, and the result is
 * still written. The second one ends the program at once.
 */
function cancelOnInterrupt(display: LiveDisplay): {
  signal: AbortSignal;
  enter(phase: RunPhase): void;
  watch(read: () => LiveView): void;
  forget(): void;
} {
  const controller = new AbortController();
  let phase: RunPhase = 'prepare';
  let readView: (() => LiveView) | undefined;
  const onInterrupt = (): void => {
    if (controller.signal.aborted) process.exit(EXIT.interrupted);
    display.note(
      colours.yellow(`${interruptNote(phase, readView?.())} (Ctrl-C again to leave at once)`),
    );
    controller.abort();
  };
  process.on('SIGINT', onInterrupt);
  return {
    signal: controller.signal,
    enter: (now) => {
      phase = now;
    },
    watch: (read) => {
      readView = read;
    },
    forget: () => void process.off('SIGINT', onInterrupt),
  };
}

function interruptNote(phase: RunPhase, view: LiveView | undefined): string {
  if (phase === 'after' || phase === 'verify') {
    return 'too late to cancel: the migration is over, the run will end soon';
  }
  const step = LIVE_PHASES[view?.figures.phase ?? 0];
  if (phase === 'migrate' && step?.startsWith('postcopy') === true) {
    return 'too late to cancel: the guest runs at the destination, its pages are still coming';
  }
  return 'cancelling: the guest stays where it is';
}
