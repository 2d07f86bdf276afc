import { z } from 'zod';
import { windowCurves } from '../../migration/history.ts';
import { recordHistory } from '../../runtime/virtual/history.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import type { Given, OnRun } from './result-of.ts';

const WINDOW_SECONDS = 8;
/** Random accesses per page of a region in one window, and the share of its pages that they hit: 1 − e^−5. */
const PASSES = 5;
const HIT = 0.993262;

const program = z.strictObject({
  name: z.string(),
  /** How many pages are dirtied in each window that stands for the program. */
  levels: z.array(z.number().positive()),
  /** Median and 90th percentile of pages dirtied, over the trace's other windows, not used for the levels. */
  median: z.number(),
  p90: z.number(),
});
type Program = z.output<typeof program>;
const input = z.strictObject({ goal: z.number(), programs: z.array(program) });

/**
 * Figure 2 of Clark et al. 2005: the writable working sets of twelve programs, measured as `pageferry
 * wws` does. The programs run one after another in one guest, each for some windows of 8 s.
 */
export async function clarkWws(onRun: OnRun, { load, data }: Given): Promise<Figures> {
  const { goal, programs } = input.parse(data);
  const windows = programs.flatMap(({ levels }) => levels);
  const startSeconds = load().config.migration.startAfterNs / 1e9;
  const workloads = windows.map((pages, window) =>
    workloadOf(pages, startSeconds + window * WINDOW_SECONDS),
  );
  const { config } = load([`guest.workloads=${JSON.stringify(workloads)}`]);
  const steps = windows.length * WINDOW_SECONDS;
  const history = await recordHistory(config, { stepNs: 1e9, steps });
  onRun(1, 1);
  const seen = windowCurves(history, WINDOW_SECONDS).map((curve) => curve.at(-1)!);
  return {
    x: { label: 'program', log: false, names: programs.map(({ name }) => name) },
    y: { label: 'pages dirtied in 8 s', log: true },
    series: seriesOf(programs, seen, goal),
  };
}

function seriesOf(programs: readonly Program[], seen: readonly number[], goal: number) {
  let at = 0;
  const ours = programs.map(({ levels }) => seen.slice(at, (at += levels.length)));
  const series = (
    name: string,
    paper: (of: Program) => number,
    share: number,
    judged: { goal?: number; isAside?: boolean } = {},
  ): OutcomeSeries => ({
    name,
    isUnverified: true,
    ...judged,
    points: programs.map((of, i) =>
      pointOf(i + 1, paper(of), quantile(ours[i]!, share), { goal: judged.goal }),
    ),
  });
  const fitted = { goal, isAside: true };
  return [
    series('median', ({ median }) => median, 0.5),
    series('90th percentile', ({ p90 }) => p90, 0.9),
    series('median, windows fitted to', ({ levels }) => quantile(levels, 0.5), 0.5, fitted),
    series('90th percentile, fitted to', ({ levels }) => quantile(levels, 0.9), 0.9, fitted),
  ];
}

/** Returns a workload that writes at random in a region of such a size that it dirties `pages` pages a window. */
function workloadOf(pages: number, fromSeconds: number): object {
  const region = Math.round(pages / HIT);
  return {
    pattern: 'uniform',
    region: { start: 0, size: region * 4096 },
    rate: (PASSES * region) / WINDOW_SECONDS,
    from: `${fromSeconds}s`,
    until: `${fromSeconds + WINDOW_SECONDS}s`,
  };
}

/** Returns the smallest of the values that is at least as large as a share of them. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1]!;
}
