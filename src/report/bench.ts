import type { BenchOutcome, Metric } from '../lab/bench/outcome.ts';
import { quartiles } from '../lab/statistics.ts';
import { formatFigure } from './comparison.ts';

/** Returns a line that says what was measured where, and what the figures below it are. */
export const benchTitle = ({ bench, host }: BenchOutcome): string =>
  `${bench} on ${host.cpus} cores of ${host.cpuModel}, Node ${host.node.slice(1)}: medians, (quartiles) of several`;

/** Returns the cells of a bench's table: a head, then a row for each setting with a column for each quantity. */
export function benchRows({ metrics }: BenchOutcome): string[][] {
  const names = [...new Set(metrics.map(columnOf))];
  const settings = [...new Set(metrics.map(({ of }) => of))];
  const rows = settings.map((of) => [
    of,
    ...names.map((column) => {
      const found = metrics.find((metric) => metric.of === of && columnOf(metric) === column);
      return found ? cellOf(found) : '';
    }),
  ]);
  return [['', ...names], ...rows];
}

const columnOf = ({ name, unit }: Metric): string => `${name} ${unit}`;

function cellOf({ samples }: Metric): string {
  const { q1, median, q3 } = quartiles(samples);
  if (samples.length < 2 || q1 === q3) return formatFigure(median);
  return `${formatFigure(median)} (${formatFigure(q1)} to ${formatFigure(q3)})`;
}
