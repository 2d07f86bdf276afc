import { Command } from 'commander';
import { type DirtyHistory, windowCurves } from '../migration/history.ts';
import { VERSION } from '../result/version.ts';
import type { RunConfig } from '../runtime/config.ts';
import { recordHistory } from '../runtime/virtual/history.ts';
import { InputError, shorten } from '../scenario/input-error.ts';
import { loadScenario } from '../scenario/load.ts';
import { parseDuration } from '../units/duration.ts';
import { UnitError } from '../units/brand.ts';
import { formatSize } from '../units/size.ts';
import { checkOutputs } from './check-output.ts';
import { EXIT } from './exit.ts';
import { layOut, lineWidth } from './columns.ts';
import { condense, sparkline } from './format.ts';
import { collect, outputFlag, SCENARIO_ARGUMENT } from './flags.ts';
import { Interruption } from './interrupt.ts';
import { deliver, exitCode } from './output.ts';
import { Counted } from './progress.ts';

interface Flags {
  readonly set?: readonly string[];
  readonly window: string;
  readonly sample: string;
  readonly duration: string;
  readonly output?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** The most samples, each of which is a row of a window's curve. */
const MOST_SAMPLES = 100_000;
/** The most bytes that all recorded bitmaps together may take. */
const MOST_BYTES = 1024 * 1024 * 1024;

export function wwsCommand(): Command {
  return new Command('wws')
    .description(
      'writable working set of a guest that does not migrate: pages dirtied in each window (Clark et al. 2005)',
    )
    .argument('<scenario>', SCENARIO_ARGUMENT)
    .option('--set <key=value>', 'override a key, such as guest.workloads[0].rate=max', collect)
    .option('--window <duration>', 'interval at which the dirty bitmap is cleared', '8s')
    .option('--sample <duration>', 'interval at which the dirty bitmap is read', '50ms')
    .option('--duration <duration>', 'how long the guest is observed, from startAfter on', '40s')
    .option('-o, --output <file>', 'write the JSON result to a file; - is stdout')
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('-q, --quiet', 'print no table and no progress')
    .action(async (scenario: string, flags: Flags) => {
      process.exitCode = await wws(scenario, flags);
    });
}

async function wws(name: string, flags: Flags): Promise<number> {
  try {
    const { config, files } = loadScenario(name, flags.set);
    checkOutputs({ [outputFlag()]: flags.output }, files);
    const [windowNs, sampleNs, durationNs] = (['window', 'sample', 'duration'] as const).map(
      (key) => optionNs(key, flags[key]),
    ) as [number, number, number];
    const { memoryBytes, pageSize } = config.guest;
    const samples = Math.ceil(durationNs / sampleNs);
    if (samples > MOST_SAMPLES) {
      throw wrong(
        'sample',
        `makes ${samples} samples, at most ${MOST_SAMPLES} are taken: take fewer`,
      );
    }
    if (windowNs > durationNs) {
      const sentence = `a window of ${flags.window} is longer than the --duration of ${flags.duration}: shorten it, or observe longer`;
      throw wrong('window', sentence);
    }
    if (windowNs % sampleNs !== 0) throw wrong('sample', 'must divide --window');
    if ((samples * memoryBytes) / pageSize / 8 > MOST_BYTES) {
      throw wrong('sample', `${samples} bitmaps of this guest take more than 1 GiB: take fewer`);
    }
    const history = await record(config, sampleNs, samples, flags.quiet !== true);
    if (history.bitmaps.length === 0) {
      process.stderr.write('interrupted before the first sample: there is no result\n');
      return EXIT.notCompleted;
    }
    const isWhole = history.bitmaps.length === samples;
    const curves = windowCurves(history, windowNs / sampleNs);
    const result = {
      format: 'pageferry/wws@1',
      version: VERSION,
      pageSize,
      windowMs: windowNs / 1e6,
      sampleMs: sampleNs / 1e6,
      windows: curves.map((pages, index) => ({ startMs: (index * windowNs) / 1e6, pages })),
    };
    const isWritten = await deliver(flags, result, () => table(curves, windowNs, pageSize));
    if (!isWhole) process.stderr.write('interrupted: the result ends with its last sample\n');
    return exitCode(isWhole ? EXIT.done : EXIT.notCompleted, isWritten);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EXIT.badInput;
  }
}

/** Records the history and shows how far it is. After a signal it ends with the samples that there are. */
async function record(
  config: RunConfig,
  stepNs: number,
  steps: number,
  isShown: boolean,
): Promise<DirtyHistory> {
  const progress = new Counted('wws', `sample 1 of ${steps}`, isShown);
  const interrupt = new Interruption();
  try {
    const { signal } = interrupt;
    const onStep = (done: number): void =>
      progress.show(`sample ${Math.min(done + 1, steps)} of ${steps}`, done, steps);
    return await recordHistory(config, { stepNs, steps, signal, onStep });
  } finally {
    progress.stop();
    interrupt.forget();
  }
}

function wrong(option: string, sentence: string): InputError {
  return new InputError([{ place: `--${option}`, key: '', sentence }]);
}

function optionNs(option: string, text: string): number {
  try {
    const ns = parseDuration(text);
    if (ns > 0) return ns;
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
  }
  throw wrong(option, `expected a duration above 0 such as 8s, got "${shorten(text)}"`);
}

const COLUMNS = [{ weight: Infinity }, { weight: 1 }, { weight: 2 }];

function table(curves: readonly number[][], windowNs: number, pageSize: number): string {
  const rows = curves.map((pages, index) => {
    const last = pages.at(-1)!;
    const at = `${((index * windowNs) / 1e9).toFixed(1)} s`;
    return [at, String(last), formatSize(last * pageSize)];
  });
  const width = lineWidth(process.stdout);
  const ends = curves.map((pages) => pages.at(-1)!);
  return [
    ...layOut(COLUMNS, [['window from', 'pages dirtied', 'working set'], ...rows], width),
    `│${sparkline(condense(ends, Math.max(8, width - 28)))}│ ${ends.length} windows of ${windowNs / 1e9} s`,
    '',
  ].join('\n');
}
