import type { Command } from 'commander';
import { monotonicClock } from '../clock/monotonic.ts';
import {
  againstRef,
  againstRuns,
  type Comparison,
  runApart,
  type RunsParts,
} from '../lab/bench/against.ts';
import { wrongOption } from '../lab/bench/options.ts';
import type { Bench, BenchOutcome, Metric } from '../lab/bench/outcome.ts';
import { type BenchRuns, readRuns } from '../lab/bench/runs-file.ts';
import { comparisonJunit } from '../report/junit.ts';
import { benchMarkdown, comparisonMarkdown } from '../report/markdown.ts';
import { camel, type Flags, type Limits, optionsOf } from './bench-flags.ts';
import { benchTable, comparisonTable } from './bench-table.ts';
import { EXIT } from './exit.ts';
import { deliver, exitCode, writeFile } from './output.ts';
import { Counted } from './progress.ts';

/** Measures in processes of their own: to save the runs, or to compare two versions. Returns the exit code. */
export async function measureApart(
  bench: Bench,
  command: Command,
  flags: Flags,
  limits: Limits,
  { runs, signal }: Pick<RunsParts, 'runs' | 'signal'>,
): Promise<number> {
  const clock = monotonicClock();
  const startNs = clock.now();
  const options = optionsOf(bench, flags);
  const progress = new Counted(`bench ${bench.name}`, 'preparing', flags.quiet !== true);
  signal.addEventListener('abort', () => progress.stop(), { once: true });
  const parts: RunsParts = {
    bench: bench.name,
    options,
    unasked: new Set(
      bench.options
        .map(({ flag }) => flag)
        .filter((flag) => command.getOptionValueSource(camel(flag)) !== 'cli'),
    ),
    runs,
    signal,
    progress: (what, done, all) => progress.show(what, done, all),
    clock,
    announce: (what, ns) => progress.announce(what, ns),
  };
  try {
    if (flags.save !== undefined) {
      const saved = await runApart(parts);
      progress.stop();
      return await deliverSaved(saved, flags.save, flags);
    }
    const comparison =
      flags.against === undefined
        ? await againstRef(flags.againstRef!, parts, limits)
        : await againstFile(bench, command, flags.against, parts, limits);
    progress.stop();
    return await deliverComparison(comparison, (clock.now() - startNs) / 1e9, flags);
  } finally {
    progress.stop();
  }
}

async function deliverSaved(saved: BenchRuns, path: string, flags: Flags): Promise<number> {
  const isSaved = writeFile('--save', path, `${JSON.stringify(saved)}\n`);
  const all = pool(saved.runs);
  const isReported = writeReport('--markdown', flags.markdown, () => benchMarkdown(all));
  const isWritten = await deliver(flags, all, () => benchTable(all));
  return exitCode(EXIT.done, isSaved && isReported && isWritten);
}

async function deliverComparison(
  comparison: Comparison,
  seconds: number,
  flags: Flags,
): Promise<number> {
  const reports = [
    writeReport('--markdown', flags.markdown, () => comparisonMarkdown(comparison)),
    writeReport('--junit', flags.junit, () => comparisonJunit(comparison, seconds)),
  ];
  const isWritten = await deliver(flags, comparison, () => comparisonTable(comparison));
  const isWorse = comparison.judgements.some(({ verdict }) => verdict === 'regression');
  return exitCode(isWorse ? EXIT.notCompleted : EXIT.done, isWritten && reports.every(Boolean));
}

/** Writes a report if its flag names a file. Returns false when that was not possible. */
export function writeReport(
  flag: string,
  path: string | undefined,
  content: () => string,
): boolean {
  return path === undefined || writeFile(flag, path, content());
}

/** Compares with a file's runs, with the options of those runs. Refuses flags that differ from them. */
function againstFile(
  bench: Bench,
  command: Command,
  path: string,
  parts: RunsParts,
  limits: Limits,
): Promise<Comparison> {
  const known = bench.options.map(({ flag }) => flag);
  const saved = readRuns(path, bench.name, known);
  const { options } = saved.runs[0]!;
  for (const { flag } of bench.options) {
    const given = parts.options[flag];
    if (command.getOptionValueSource(camel(flag)) !== 'cli' || given === options[flag]) continue;
    throw wrongOption(
      flag,
      `${path} was measured with ${options[flag] ?? 'no such option'}: leave it out`,
    );
  }
  const isDefault = (flag: string): boolean =>
    bench.options.some((option) => option.flag === flag && option.default === options[flag]);
  const unasked = new Set(Object.keys(options).filter(isDefault));
  return againstRuns(saved, { ...parts, options, unasked }, limits);
}

/** Puts the samples of all runs together, so that one table can show them. */
function pool(runs: readonly BenchOutcome[]): BenchOutcome {
  const metrics = new Map<string, Metric>();
  for (const metric of runs.flatMap((one) => one.metrics)) {
    const key = JSON.stringify([metric.of, metric.name, metric.unit]);
    const samples = [...(metrics.get(key)?.samples ?? []), ...metric.samples];
    metrics.set(key, { ...metric, samples });
  }
  return { ...runs[0]!, metrics: [...metrics.values()] };
}
