import { Command } from 'commander';
import {
  DIRTY_RATE_MODES,
  type DirtyRateMode,
  type DirtyRateOptions,
  type DirtyRateReport,
} from '../migration/dirty-rate.ts';
import { buildDirtyRate, type DirtyRateResult } from '../result/dirty-rate.ts';
import { comparedWith } from '../result/dirty-vector.ts';
import type { RunConfig } from '../runtime/config.ts';
import { ContentsError } from '../runtime/common/fill.ts';
import { runDirtyRate } from '../runtime/threads/dirty-rate.ts';
import { runVirtualDirtyRate } from '../runtime/virtual/dirty-rate.ts';
import { InputError } from '../scenario/input-error.ts';
import { loadScenario } from '../scenario/load.ts';
import { UnitError } from '../units/brand.ts';
import { parseDuration } from '../units/duration.ts';
import { formatSize } from '../units/size.ts';
import { colours } from './colours.ts';
import { collect, outputFlag, SCENARIO_ARGUMENT } from './flags.ts';
import { Interruption } from './interrupt.ts';
import { checkOutputs } from './check-output.ts';
import { EXIT } from './exit.ts';
import { type Column, layOut, lineWidth } from './columns.ts';
import { formatCount, formatMs } from './format.ts';
import { measurementsOf, vectorOf, vectorTable, withOnly } from './dirty-vector.ts';
import { deliver, exitCode } from './output.ts';
import { Counted } from './progress.ts';

interface Flags {
  readonly mode?: readonly string[];
  readonly period: string;
  readonly samplePages: string;
  readonly vector?: boolean;
  readonly set?: readonly string[];
  readonly output?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

export function dirtyRateCommand(): Command {
  return new Command('dirty-rate')
    .description('measure how fast the guest dirties pages, in the ways that QEMU does')
    .argument('<scenario>', SCENARIO_ARGUMENT)
    .option('--mode <mode>', `${DIRTY_RATE_MODES.join(', ')}; without it, all of them`, collect)
    .option('--period <durations>', 'how long each mode measures, such as 1s or 100ms,1s,10s', '1s')
    .option('--sample-pages <n>', 'pages hashed per GiB by page-sampling', '512')
    .option(
      '--vector',
      'measure the points of the one workload of pattern dirty-vector, and compare what was asked for',
    )
    .option('--set <key=value>', 'override a key of the scenario', collect)
    .option('-o, --output <file>', 'write the JSON result to a file; - is stdout')
    .option('--json', 'print the JSON result on stdout, and nothing else')
    .option('-q, --quiet', 'print no table and no progress')
    .action(async (scenario: string, flags: Flags) => {
      process.exitCode = await measure(scenario, flags);
    });
}

async function measure(name: string, flags: Flags): Promise<number> {
  try {
    const asked = optionsOf(flags);
    const { scenario, config: whole, files } = loadScenario(name, flags.set);
    checkOutputs({ [outputFlag()]: flags.output }, files);
    const vector = flags.vector === true ? vectorOf(scenario) : undefined;
    const config = vector ? withOnly(whole, vector.workload) : whole;
    const measurements = vector ? measurementsOf(vector) : asked;
    const seeded = measurements.map((one) => ({ ...one, seed: config.seed }));
    const measured = await play(config, seeded, flags.quiet !== true);
    const isWhole = measured.length === seeded.length;
    if (measured.length === 0) {
      process.stderr.write('interrupted in the first measurement: there is no result\n');
      return EXIT.notCompleted;
    }
    const plain = buildDirtyRate(scenario, config.guest.pageSize, measured);
    const result: DirtyRateResult = vector
      ? { ...plain, vector: comparedWith(vector, plain) }
      : plain;
    const isWritten = await deliver(flags, result, () =>
      result.vector ? vectorTable(result.vector) : table(result),
    );
    if (!isWhole) process.stderr.write('interrupted: later measurements are missing\n');
    return exitCode(isWhole ? EXIT.done : EXIT.notCompleted, isWritten);
  } catch (error) {
    if (!(error instanceof InputError || error instanceof ContentsError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return EXIT.badInput;
  }
}

/** Measures and shows the progress. After a signal it returns the measurements that are done. */
async function play(
  config: RunConfig,
  measurements: readonly DirtyRateOptions[],
  isShown: boolean,
): Promise<DirtyRateReport[]> {
  const all = measurements.length;
  const progress = new Counted('dirty-rate', `measurement 1 of ${all}`, isShown);
  const interrupt = new Interruption();
  const measured: DirtyRateReport[] = [];
  try {
    const measureAll = config.runtime === 'virtual' ? runVirtualDirtyRate : runDirtyRate;
    const work = measureAll(config, measurements, (one) => {
      const done = measured.push(one);
      progress.show(`measurement ${Math.min(done + 1, all)} of ${all}`, done, all);
    });
    return (await interrupt.race(work)) ?? measured;
  } finally {
    progress.stop();
    interrupt.forget();
  }
}

const LIMITS_NS = { least: 50e6, most: 60e9 };
const SAMPLES = { least: 128, most: 16_384 };

/** Returns the measurements that the flags request, within QEMU's limits (its migration/dirtyrate.h). */
function optionsOf(flags: Flags) {
  const modes = flags.mode?.map(modeOf) ?? [...DIRTY_RATE_MODES];
  const periods = flags.period.split(',').map(periodOf);
  const samplePagesPerGiB = Number(flags.samplePages);
  const isCount = Number.isInteger(samplePagesPerGiB);
  if (!isCount || samplePagesPerGiB < SAMPLES.least || samplePagesPerGiB > SAMPLES.most) {
    refuse(
      '--sample-pages',
      `expected a whole number from ${SAMPLES.least} to ${SAMPLES.most}, got "${flags.samplePages}"`,
    );
  }
  return modes.flatMap((mode) =>
    periods.map((periodNs) => ({ mode, periodNs, samplePagesPerGiB })),
  );
}

function modeOf(text: string): DirtyRateMode {
  const mode = DIRTY_RATE_MODES.find((one) => one === text);
  return mode ?? refuse('--mode', `expected ${DIRTY_RATE_MODES.join(', ')}, got "${text}"`);
}

function periodOf(text: string): number {
  try {
    const ns = parseDuration(text.trim());
    if (ns >= LIMITS_NS.least && ns <= LIMITS_NS.most) return ns;
  } catch (error) {
    if (!(error instanceof UnitError)) throw error;
  }
  return refuse('--period', `expected durations from 50ms to 60s such as 100ms,1s, got "${text}"`);
}

function refuse(place: string, sentence: string): never {
  throw new InputError([{ place, key: '', sentence }]);
}

/** A narrow terminal leaves the columns of little weight out. */
const COLUMNS: readonly Column[] = [Infinity, 5, 2, 6, 4, 3, 1].map((weight) => ({ weight }));

function table({ measurements }: DirtyRateResult): string {
  const head = ['mode', 'period', 'dirty', 'pages/s', 'rate', 'accesses/s', ''];
  const rows = measurements.map((one) => [
    one.mode,
    formatMs(one.periodMs),
    `${one.dirtyPages}`,
    formatCount(one.pagesPerSecond),
    `${formatSize(Math.round(one.bytesPerSecond))}/s`,
    formatCount(one.accessesPerSecond),
    remark(one),
  ]);
  const [title = '', ...body] = layOut(COLUMNS, [head, ...rows], lineWidth(process.stdout));
  return `${[colours.dim(title), ...body].join('\n')}\n`;
}

function remark({ sampled, vcpus }: DirtyRateResult['measurements'][number]): string {
  if (sampled) return `${sampled.changed} of ${sampled.pages} sampled pages changed`;
  if (!vcpus) return '';
  const rates = vcpus.map((one) => formatCount(one.pagesPerSecond)).join(' + ');
  const stalls = vcpus.reduce((sum, one) => sum + one.stalls, 0);
  return `by vCPU ${rates}${stalls > 0 ? `, ${stalls} full rings` : ''}`;
}
