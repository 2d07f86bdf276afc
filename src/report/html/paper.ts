import type { Outcome } from '../../lab/papers/outcome.ts';
import type { ChartAxis } from '../chart.ts';
import { paperChart, paperRows, verdict } from '../paper.ts';
import type { FigureAxis, FigureSeries, XyFigure } from './chart/figure.ts';
import { seriesColour } from './chart/palette.ts';
import type { Block, Cell, Report } from './model.ts';
import { idOf } from './words.ts';

const STYLES = { line: 'line', dashed: 'dashed', dots: 'points', marks: 'marks' } as const;

/** Returns the report of a paper's experiment. */
export function paperReport(outcome: Outcome): Report {
  const { title, paper, about, fitted, notes, series, name } = outcome;
  const points = series.flatMap((one) => one.points);
  const missed = points.filter(({ isMet }) => isMet === false).length;
  const judged = points.filter(({ isMet }) => isMet !== undefined).length;
  const [head = [], ...rows] = paperRows(outcome);
  return {
    kind: `Experiment of a paper: ${name}`,
    title,
    answer:
      judged === 0
        ? `${paper}: no goal was set, so the figures stand beside one another.`
        : `${paper}: ${verdict(outcome)}.`,
    tone: judged === 0 ? 'plain' : missed > 0 ? 'bad' : 'good',
    facts: [
      {
        label: 'values compared',
        value: String(points.filter((point) => point.paper !== null).length),
      },
      ...(judged > 0 ? [{ label: 'goals met', value: `${judged - missed} of ${judged}` }] : []),
    ],
    sections: [
      {
        title: 'The figure',
        blocks: [
          { kind: 'text', text: about.trim() },
          { kind: 'figure', figure: figureOf(outcome) },
        ],
      },
      {
        title: 'Values',
        blocks: [
          {
            kind: 'table',
            caption: 'The paper beside ours',
            table: {
              columns: head.map((column, i) => ({ name: column, isNumber: i > 0 })),
              rows: rows.map((row) =>
                row.map((text): string | Cell =>
                  /missed|OUTSIDE/.test(text) ? { text, tone: 'bad' } : text,
                ),
              ),
            },
          },
        ],
      },
      ...(fitted.length + notes.length > 0
        ? [{ title: 'Notes', blocks: [notesOf(fitted, notes)] }]
        : []),
    ],
    origin: ['Pageferry'],
  };
}

function notesOf(fitted: readonly string[], notes: readonly string[]): Block {
  return {
    kind: 'list',
    items: [...fitted.map((text) => `Fitted: ${text.trim()}`), ...notes.map((text) => text.trim())],
  };
}

function figureOf(outcome: Outcome): XyFigure {
  const { x, y, series } = paperChart(outcome);
  return {
    kind: 'xy',
    id: idOf(outcome.name),
    title: outcome.title,
    note: 'Rings are the values of the paper, lines and dots are ours.',
    x: axisOf(x),
    panels: [
      {
        y: axisOf(y),
        height: 320,
        series: series.map(({ name, points, kind, colour }): FigureSeries => ({
          name,
          colour: seriesColour(colour),
          // Nothing lies between values that have names.
          style: x.names && kind === 'line' ? 'points' : STYLES[kind],
          points: points.map(([at, value]) => ({ x: at, y: value })),
        })),
      },
    ],
  };
}

const axisOf = ({ label, unit, log, names }: ChartAxis): FigureAxis => ({
  label,
  unit,
  isLog: log,
  ...(names ? { names } : {}),
});
