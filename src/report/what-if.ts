import type { WhatIfResult } from '../lab/what-if/result.ts';
import { FAMILIES, type Family } from '../lab/what-if/settings.ts';
import type { Chart, ChartSeries } from './chart.ts';

/** The colours of the families; managers share one. */
const colourOf = (family: Family): number => FAMILIES.indexOf(family);

/** The symbols of these are crosses, of which only the outline shows. */
const OUTLINED: ReadonlySet<Family> = new Set<Family>(['post-copy', 'manager']);
/** Times that span more than this factor are drawn on a logarithmic axis. */
const WIDE_SPAN = 10;

/**
 * Returns the chart of an answer: a dot for each run that completed, by total time and downtime, and a dashed line
 * through the medians of the settings to which no other is better in both.
 */
export function whatIfChart({ settings, answer }: WhatIfResult): Chart {
  const families = FAMILIES.filter((family) =>
    settings.some((one) => one.family === family && one.points.length > 0),
  );
  const dots = families.map((family): ChartSeries => ({
    name: family,
    kind: OUTLINED.has(family) ? 'marks' : 'dots',
    colour: colourOf(family),
    points: settings
      .filter((one) => one.family === family)
      .flatMap(({ points }) => points)
      .map(({ totalTimeMs, downtimeMs }) => [totalTimeMs / 1000, Math.max(0.01, downtimeMs)]),
  }));
  const front = paretoFront(settings);
  const line: ChartSeries = { name: 'best medians', kind: 'dashed', colour: 6, points: front };
  const times = dots.flatMap(({ points }) => points.map(([time]) => time));
  const isWide = Math.max(...times) > WIDE_SPAN * Math.min(...times);
  const [first = ''] = answer.split(/(?<=\.) /);
  return {
    title: 'Downtime against total time',
    subtitle: first.length > 120 ? `${first.slice(0, 119)}…` : first,
    x: { label: 'total time', unit: 's', log: isWide },
    y: { label: 'downtime', unit: 'ms', log: true },
    series: front.length > 1 ? [...dots, line] : dots,
  };
}

/** Returns the medians, as [s, ms], of the settings that no other setting beats in total time and downtime. */
export function paretoFront(settings: WhatIfResult['settings']): [number, number][] {
  const medians = settings
    .flatMap(({ totalTimeMs, downtimeMs, verdict }): [number, number][] =>
      totalTimeMs && downtimeMs && verdict === 'converges'
        ? [[totalTimeMs.median / 1000, Math.max(0.01, downtimeMs.median)]]
        : [],
    )
    .toSorted(([a, c], [b, d]) => a - b || c - d);
  let least = Infinity;
  return medians.filter(([, downtime]) => {
    if (downtime >= least) return false;
    least = downtime;
    return true;
  });
}
