import type { Comparison } from '../lab/bench/against.ts';
import type { Judgement } from '../lab/bench/judge.ts';

/** Formats a number with three significant digits. */
export function formatFigure(value: number): string {
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size >= 100) return value.toFixed(0);
  return value.toFixed(Math.max(0, Math.min(4, 2 - Math.floor(Math.log10(size)))));
}

/** Formats a share of at least 0 as a percentage, such as "5.0 %". */
export const percentOf = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** Formats a share as a percentage with its sign, without the unit: "+1.5". */
const signed = (share: number): string =>
  `${share < 0 ? '−' : '+'}${Math.abs(100 * share).toFixed(1)}`;

/** The head of the rows that `comparisonRows` returns. */
export const COMPARISON_HEAD: readonly string[] = [
  'metric',
  'before',
  'after',
  'change',
  '95 % interval',
  'p',
  'verdict',
];

const isSame = ({ verdict }: Judgement): boolean => verdict === 'same';

/** Returns the cells of a comparison's table, a row for each metric, those that changed first. */
export function comparisonRows({ judgements }: Comparison): string[][] {
  const ordered = [...judgements.filter((one) => !isSame(one)), ...judgements.filter(isSame)];
  return ordered.map((one) => [
    nameOf(one),
    formatFigure(one.before),
    formatFigure(one.after),
    changeOf(one),
    intervalOf(one),
    probabilityOf(one),
    isSame(one) ? '' : one.verdict,
  ]);
}

/** Returns what a judgement is about, such as "bitmap, manual: get us". */
export const nameOf = ({ of, name, unit }: Judgement): string => `${of}: ${name} ${unit}`;

/** Returns the change of the figure itself, and what it means: less speed is worse, less time better. */
export const changeOf = ({ change, worseBy }: Judgement): string =>
  `${signed(change)} % ${worseBy >= 0 ? 'worse' : 'better'}`;

export const intervalOf = ({ interval: [low, high] }: Judgement): string =>
  `${signed(low)} to ${signed(high)} %`;

/** Returns a probability with four digits; it is never shown as 0, which no test can find. */
export const probabilityOf = ({ p }: Pick<Judgement, 'p'>): string =>
  p < 0.0001 ? '<0.0001' : p.toFixed(4);

/** Returns a sentence that says which versions are compared, and how. */
export function comparisonTitle({ bench, before, after, isInterleaved }: Comparison): string {
  const how = isInterleaved
    ? `${after.runs} pairs of runs that took turns`
    : `${after.runs} runs beside ${before.runs} saved ones, which did not take turns: if the machine's speed has changed, that shows as a change`;
  return `${bench}: ${shortOf(before.commit)} → ${shortOf(after.commit)}, ${how}`;
}

/** Returns the sentences below the table: what its columns are, what could not be compared, and the verdict. */
export function comparisonNotes(comparison: Comparison): string[] {
  const { judgements, notCompared, isInterleaved, threshold, alpha } = comparison;
  const count = (wanted: Judgement['verdict']): number =>
    judgements.filter(({ verdict }) => verdict === wanted).length;
  const regressions = count('regression');
  const found = regressions === 0 ? 'no regression' : `${regressions} regression(s)`;
  const compared = isInterleaved
    ? 'before: the median of the old version; change: the median over the pairs of runs; after: before with that change'
    : 'before: the median of the old version; change: from there to the median of the new one';
  return [
    compared,
    ...notCompared.map((what) => `not compared: ${what}`),
    `${found} beyond ${percentOf(threshold)} with an interval that leaves out 0 and p below ${alpha} over ${judgements.length} metrics; ${count('improvement')} improvement(s)`,
  ];
}

const shortOf = (commit: string | undefined): string =>
  commit === undefined ? 'unknown' : `${commit.slice(0, 10)}${commit.endsWith('+') ? '+' : ''}`;
