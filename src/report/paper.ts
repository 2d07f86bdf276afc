import type { Outcome, OutcomeSeries, Point } from '../lab/papers/outcome.ts';
import type { Chart, ChartSeries } from './chart.ts';
import { goalsText, overviewRows } from './paper-overview.ts';

/** Returns the chart of an experiment, which has marks for the paper's values and lines for ours. */
export function paperChart({ title, paper, x, y, series }: Outcome): Chart {
  const colours = [...new Set(series.filter(({ isAside }) => !isAside).map(quantityOf))];
  const drawn = series.flatMap((one): ChartSeries[] => {
    if (one.isAside) return [];
    const colour = colours.indexOf(quantityOf(one));
    return [...paperSeries(one, colour), ...ourSeries(one, colour)];
  });
  return { title, subtitle: paper, x, y, series: drawn.filter(({ points }) => points.length > 0) };
}

/** Returns the name of what a series shows; series with the same name share a colour. */
function quantityOf({ name, like, bound }: OutcomeSeries): string {
  return like ?? (bound ? name.replace(/: .*/, '') : name);
}

function paperSeries(one: OutcomeSeries, colour: number): ChartSeries[] {
  const { name, points, bound } = one;
  const values = points.flatMap((point): [number, number][] =>
    point.paper === null ? [] : [[point.x, point.paper]],
  );
  // The two bounds have one entry of the legend together.
  const style = bound
    ? { name: `${quantityOf(one)}, bounds (dashed)`, kind: 'dashed' as const }
    : { name: `${name}, paper`, kind: 'marks' as const };
  return [{ ...style, points: values, colour }];
}

function ourSeries(one: OutcomeSeries, colour: number): ChartSeries[] {
  const { name, points, bound, like } = one;
  // The series of both bounds have the same runs, which are drawn once, with the lower bound.
  if (bound === 'high') return [];
  const ours = points.map((point): [number, number] => [point.x, point.ours]);
  if (like !== undefined)
    return [{ name: `${name} (dashed)`, points: ours, kind: 'dashed', colour }];
  if (one.isMarksOnly) return [{ name: `${name}, ours`, points: ours, kind: 'dots', colour }];
  return [{ name: `${quantityOf(one)}, ours`, points: ours, kind: 'line', colour }];
}

/** Formats a share as a percentage with its sign, such as "+1.5 %". */
export const percent = (share: number): string =>
  `${share >= 0 ? '+' : '−'}${Math.abs(share * 100).toFixed(1)} %`;

/** Formats a value with about four significant digits. */
export function shortNumber(value: number): string {
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : 2;
  return value === 0 ? '0' : Number(value.toFixed(digits)).toString();
}

/** Returns the text of the table's column `error`: the relative error, or whether the bound was kept. */
export function judgement({ bound }: OutcomeSeries, { isMet, error }: Point): string {
  if (bound) return isMet === false ? 'OUTSIDE' : 'inside';
  const text = error === null ? '' : percent(error);
  return isMet === false ? `${text} (missed)` : text;
}

const unit = (of: { label: string; unit?: string | undefined }): string =>
  of.unit === undefined ? of.label : `${of.label}, ${of.unit}`;

/** Returns the table of an experiment: a head, then a row for each point. */
export function paperRows({ x, y, series }: Outcome): string[][] {
  return [
    ['', unit(x), `paper: ${unit(y)}`, 'ours', 'error'],
    ...series.flatMap((one) =>
      (one.isDrawnOnly ? [] : one.points).map((point, index) => [
        index === 0 ? `${one.name}${one.isUnverified ? ' (unverified)' : ''}` : '',
        x.names?.[point.x - 1] ?? shortNumber(point.x),
        point.paper === null ? '–' : shortNumber(point.paper),
        shortNumber(point.ours),
        judgement(one, point),
      ]),
    ),
  ];
}

/** Returns a phrase that says how many of an experiment's goals were met. */
export function verdict({ series }: Outcome): string {
  const judged = series.flatMap(({ points }) => points.filter(({ isMet }) => isMet !== undefined));
  const missed = judged.filter(({ isMet }) => isMet === false);
  if (judged.length === 0) return 'no goal was set';
  if (missed.length === 0) return `all ${judged.length} goals met`;
  return `${judged.length - missed.length} of ${judged.length} goals met`;
}

const HEAD = `# Papers

\`pageferry paper\` lists what can be reproduced, \`pageferry paper NAME\` runs it in the virtual runtime and prints this
table; \`-o FOLDER\` writes the result and its figure. In the figures marks are the paper's values and lines ours.
"Unverified" marks values that were read off a figure, or could not be checked against the full text.

This page is made from the committed results by \`npm run papers\`. How to add an experiment is said [below](#adding-one).
`;

const ADDING = `## Adding one

An experiment is a file \`fixtures/papers/NAME.yaml\`. It has a \`title\`, the \`paper\`, a text \`about\` it, a \`scenario\` (a preset's
name, or a whole one), the axes \`x\` and \`y\`, and \`series\`. \`x\` has \`values\` and the \`sets\` that bring them into the scenario, in
which \`{x}\` stands for the value; without values, x counts rounds. In place of values, x may have \`cases\` with names and \`sets\`.
Each of the \`series\` has its own \`sets\`, the path of our value in the result (\`ours\`; with \`shareWith\`, it is divided by its sum
with the value at that path, and then by \`per\`), the values of the \`paper\`, and, if there is one, the \`goal\` for the error (from \`goalFrom\` to
\`goalTo\`). \`chart: false\` leaves a series out of the chart. Under \`fitted\`, name every parameter that was fitted, and to what.
If a scenario and a table can't describe an experiment, give it a \`function: NAME\` of \`src/lab/papers/functions.ts\`; the file may
give the function a \`scenario\` (or the \`host\` of [overcommitted guests](overcommit.md), or a [\`fleet\`](fleet.md)) and \`data\`. Then run \`npm run papers\`.
`;

/** Returns the page docs/papers.md from the outcomes of all experiments; it links figures in papers/. */
export function papersPage(outcomes: readonly Outcome[]): string {
  return [
    HEAD,
    goalsText(outcomes),
    '',
    '| experiment | paper | goals | values compared | median error | largest |',
    '|---|---|---|--:|--:|--:|',
    ...overviewRows(outcomes, verdict),
    '',
    ...outcomes.map(section),
    ADDING,
  ].join('\n');
}

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function section(outcome: Outcome): string {
  const { name, title, paper, about, fitted, notes } = outcome;
  const [head = [], ...rows] = paperRows(outcome);
  return [
    `## ${name}\n`,
    `**${title}** (${paper}). ${about.trim()}\n`,
    `![${title}](papers/${name}.svg)\n`,
    line(head),
    line(head.map(() => '---')),
    ...rows.map(line),
    '',
    ...fitted.map((text) => `- Fitted: ${text.trim()}`),
    ...notes.map((text) => `- ${text.trim()}`),
    ...(fitted.length + notes.length > 0 ? [''] : []),
  ].join('\n');
}
