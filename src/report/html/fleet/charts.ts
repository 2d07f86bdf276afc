import type { FleetResult } from '../../../fleet/datacentre/result-schema.ts';
import type { HeatFigure, RowsFigure, XyFigure } from '../chart/figure.ts';
import { seriesColour } from '../chart/palette.ts';
import { countText, msText, timeUnit } from '../words.ts';

/** A chart of lines has at most so many; those that matter most are chosen. */
const MOST_LINES = 7;
/** A heat map or a chart of migrations has at most so many rows; the tables have all. */
const MOST_ROWS = 60;
/** A heat map has at most so many columns, which is fewer than a window has pixels for. */
const MOST_COLUMNS = 240;

/** Returns a grid of all hosts over time, whose colours are their CPU use; a column may stand for several intervals. */
export function hostsHeat({ hosts, intervalMs, durationMs }: FleetResult): HeatFigure {
  const unit = timeUnit(durationMs);
  const shown = hosts.toSorted((a, b) => b.maxCpu - a.maxCpu).slice(0, MOST_ROWS);
  const intervals = shown[0]?.seriesCpu.length ?? 0;
  const each = Math.max(1, Math.ceil(intervals / MOST_COLUMNS));
  const columns = Math.ceil(intervals / each);
  const values = shown.flatMap(({ seriesCpu }) =>
    Array.from({ length: columns }, (_, at) => {
      const own = seriesCpu.slice(at * each, (at + 1) * each);
      return Math.round(100 * Math.max(...own));
    }),
  );
  const left = hosts.length - shown.length;
  return {
    kind: 'heat',
    id: 'hosts',
    title: 'CPU use of the hosts, in percent',
    note: `The busiest stand first${left > 0 ? `; ${countText(left)} more hosts are in the table below` : ''}.`,
    x: { label: 'time', unit: unit.name, min: 0, max: (columns * each * intervalMs) / unit.ms },
    y: { label: 'host', rows: shown.map(({ name }) => name) },
    columns,
    values,
    what: 'percent',
    colour: 'bad',
  };
}

/** Returns a chart of the response times of the applications that violated their agreements longest. */
export function responseChart(result: FleetResult): XyFigure[] {
  const { applications, intervalMs, durationMs } = result;
  if (applications.length === 0) return [];
  const unit = timeUnit(durationMs);
  const shown = applications.toSorted((a, b) => b.violationMs - a.violationMs).slice(0, MOST_LINES);
  const left = applications.length - shown.length;
  return [
    {
      kind: 'xy',
      id: 'responses',
      title: 'Response times of the applications',
      note: `Each point is the mean of an interval${left > 0 ? `; ${countText(left)} applications whose agreements were violated less are left out` : ''}.`,
      x: { label: 'time', unit: unit.name, min: 0, max: durationMs / unit.ms },
      panels: [
        {
          y: { label: 'response time', unit: 'ms', min: 0 },
          series: shown.map(({ name, series }, index) => ({
            name,
            colour: seriesColour(index),
            style: 'line',
            points: series.responseMs.map((ms, at) => ({
              x: ((at + 1) * intervalMs) / unit.ms,
              y: ms,
            })),
          })),
        },
      ],
    },
  ];
}

/** Returns a bar for each migration, from its start to its end. */
export function migrationsChart({ migrations, durationMs }: FleetResult): RowsFigure[] {
  if (migrations.length === 0) return [];
  const unit = timeUnit(durationMs);
  const shown = migrations.slice(0, MOST_ROWS);
  const left = migrations.length - shown.length;
  return [
    {
      kind: 'rows',
      id: 'migrations',
      title: 'When guests moved',
      ...(left > 0 ? { note: `${countText(left)} more migrations are in the table below.` } : {}),
      x: { label: 'time', unit: unit.name, min: 0, max: durationMs / unit.ms },
      kinds: [
        { name: 'completed', colour: 'c1' },
        { name: 'not completed', colour: 'bad' },
      ],
      rows: shown.map(({ guest, from, to, startMs, endMs, outcome, downtimeMs }) => ({
        label: `${guest}: ${from} → ${to}`,
        bars: [
          {
            kind: outcome === 'completed' ? 0 : 1,
            from: startMs / unit.ms,
            to: endMs / unit.ms,
            text: `${outcome} in ${msText(endMs - startMs)}${downtimeMs === undefined ? '' : `, ${msText(downtimeMs)} of downtime`}`,
          },
        ],
      })),
    },
  ];
}
