import type { Outcome, OutcomeSeries, Point } from '../lab/papers/outcome.ts';
import type { Chart, ChartSeries } from './chart.ts';

/** Paper and ours in one chart: marks for the paper, a line for ours. */
export function paperChart({ title, paper, x, y, series }: Outcome): Chart {
  const colours = [...new Set(series.filter(({ isAside }) => !isAside).map(thingOf))];
  const drawn = series.flatMap((one): ChartSeries[] => {
    if (one.isAside) return [];
    const colour = colours.indexOf(thingOf(one));
    return [...theirsOf(one, colour), ...oursOf(one, colour)];
  });
  return { title, subtitle: paper, x, y, series: drawn.filter(({ points }) => points.length > 0) };
}

/** What a series is of: all of that share a colour. */
function thingOf({ name, like, bound }: OutcomeSeries): string {
  return like ?? (bound ? name.replace(/: .*/, '') : name);
}

function theirsOf(one: OutcomeSeries, colour: number): ChartSeries[] {
  const { name, points, bound } = one;
  const theirs = points.flatMap((point): [number, number][] =>
    point.paper === null ? [] : [[point.x, point.paper]],
  );
  // Both bounds have one entry of the legend.
  const drawn = bound
    ? { name: `${thingOf(one)}, bounds (dashed)`, kind: 'dashed' as const }
    : { name: `${name}, paper`, kind: 'marks' as const };
  return [{ ...drawn, points: theirs, colour }];
}

function oursOf(one: OutcomeSeries, colour: number): ChartSeries[] {
  const { name, points, bound, like } = one;
  // Both bounds of a link are of the same runs.
  if (bound === 'high') return [];
  const ours = points.map((point): [number, number] => [point.x, point.ours]);
  if (like !== undefined)
    return [{ name: `${name} (dashed)`, points: ours, kind: 'dashed', colour }];
  if (one.isMarksOnly) return [{ name: `${name}, ours`, points: ours, kind: 'dots', colour }];
  return [{ name: `${thingOf(one)}, ours`, points: ours, kind: 'line', colour }];
}

export const percent = (share: number): string =>
  `${share >= 0 ? '+' : '−'}${Math.abs(share * 100).toFixed(1)} %`;

/** A value with four digits that count. */
export function shortNumber(value: number): string {
  const digits = Math.abs(value) >= 1000 ? 0 : Math.abs(value) >= 100 ? 1 : 2;
  return value === 0 ? '0' : Number(value.toFixed(digits)).toString();
}

export function judgement({ bound }: OutcomeSeries, { isMet, error }: Point): string {
  if (bound) return isMet === false ? 'OUTSIDE' : 'inside';
  const text = error === null ? '' : percent(error);
  return isMet === false ? `${text} (missed)` : text;
}

const unit = (of: { label: string; unit?: string | undefined }): string =>
  of.unit === undefined ? of.label : `${of.label}, ${of.unit}`;

/** The rows of an experiment's table, a line for each point. */
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

/** How an experiment's goals were met, in one sentence. */
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

This page is made of the committed results by \`npm run papers\`. How to add an experiment: [below](#adding-one).
`;

const ADDING = `## Adding one

A file \`fixtures/papers/NAME.yaml\`: \`title\`, \`paper\`, \`about\`, a \`scenario\` (a preset's name, or a whole one), \`x\` (its
\`values\` and the \`sets\` that bring them in, \`{x}\` standing for the value; without values x counts rounds), \`y\`, and for each of
the \`series\` its own \`sets\`, the path of our value in the result (\`ours\`, divided by \`per\`, or as its share of it and of
\`shareWith\`), the values of the \`paper\`, and the \`goal\` for the error, if there is one (from \`goalFrom\` to \`goalTo\`). In place of
values x may have \`cases\`, things with names and \`sets\`; \`chart: false\` leaves a series to the table. Name under \`fitted\` every parameter that was fitted, and to what. What a
scenario and a table can't say is a function: \`function: NAME\`, in \`src/lab/papers/functions.ts\`, which may ask for a \`scenario\`
and for \`data\`. Then \`npm run papers\`.
`;

/** docs/papers.md, from the outcomes of all experiments; figures lie beside it in papers/. */
export function papersPage(outcomes: readonly Outcome[]): string {
  const overview = outcomes.map(
    (outcome) => `| [${outcome.name}](#${outcome.name}) | ${outcome.paper} | ${verdict(outcome)} |`,
  );
  return [
    HEAD,
    '| experiment | paper | |\n|---|---|---|',
    ...overview,
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
