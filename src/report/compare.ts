import { keyName } from '../lab/compare/compare.ts';
import type {
  Change,
  CompareResult,
  ComparedPoint,
  MetricFacts,
  Summary,
  Verdict,
} from '../lab/compare/result.ts';
import type { Cell } from '../lab/sweep/rows.ts';
import { formatDuration } from '../units/duration.ts';
import { formatByteRate } from '../units/rate.ts';
import { formatSize } from '../units/size.ts';
import { formatFigure, percentOf, probabilityOf } from './comparison.ts';
import { type JunitCase, junitReport } from './junit.ts';
import { type MarkdownTable, tablesMarkdown } from './markdown.ts';

/** A table with how much each of its columns matters: where there is no room, those with the least weight go first. */
export interface CompareTable extends MarkdownTable {
  readonly weights: readonly number[];
}

/** More rows than this are left to the JSON. */
const MOST_ROWS = 40;

/** Returns the lines that say what is compared. */
export function compareTitle(result: CompareResult): string[] {
  const { before, after, differing, points, matchedBy, of } = result;
  const keys = matchedBy.map((key) => nameOfKey(result, key)).join(', ');
  const where =
    matchedBy.length === 0
      ? `one ${of === 'bench' ? 'setting' : 'scenario'}`
      : `${counted(points.length, 'point')} that both have, by ${keys}`;
  const differs = differing.map(
    ({ key, before: from, after: to }) =>
      `${nameOfKey(result, key)} ${valueOf(from)} → ${valueOf(to)}`,
  );
  return [
    `before: ${sideOf(before)}`,
    `after: ${sideOf(after)}`,
    `${where}: ${result.verdict}`,
    ...(differs.length > 0 ? [`they differ in ${differs.join(', ')}`] : []),
  ];
}

function sideOf({ sources, runs, versions }: CompareResult['before']): string {
  const named =
    sources.length > 3 ? `${sources[0]!} and ${sources.length - 1} more` : sources.join(', ');
  const version = versions.length === 0 ? '' : ` of ${versions.map(shortVersion).join(' and ')}`;
  return `${named} (${counted(runs, 'run')}${version})`;
}

/** A bench tells its commit, of which ten digits are enough. */
const shortVersion = (version: string): string =>
  version.replace(/^([0-9a-f]{10})[0-9a-f]{30}/, '$1');

const counted = (count: number, what: string): string =>
  `${count} ${what}${count === 1 ? '' : 's'}`;
/** Returns a value of a key as it is written; what a sweep computes are bytes, which have a shorter form. */
function valueOf(value: Cell | undefined): string {
  if (value === undefined) return '(none)';
  const bytes = /^(\d+)B$/.exec(String(value));
  return bytes ? formatSize(Number(bytes[1])) : String(value);
}

/** Options of a bench are called as on the command line. */
const nameOfKey = ({ of }: CompareResult, key: string): string =>
  of === 'bench' ? key : keyName(key);

/** Returns the tables of a comparison: all metrics; then, of several points, those at which something has changed. */
export function compareTables(result: CompareResult): CompareTable[] {
  const [first] = result.points;
  if (result.points.length === 1) return [changesTable(result, first!)];
  return [summaryTable(result), ...pointsTable(result)];
}

const CHANGE_HEAD = ['before', 'after', 'change', '95 % interval', 'p', 'delta', 'verdict'];
const CHANGE_WEIGHTS = [8, 8, Infinity, 9, 5, 2, Infinity];

function changesTable(result: CompareResult, { changes }: ComparedPoint): CompareTable {
  const shown = changes.filter((change) => !isEqual(change));
  const rows = shown.map((change) => [
    change.metric,
    ...changeCells(metricOf(result, change), change),
  ]);
  return withoutEmpty({
    head: ['metric', ...CHANGE_HEAD],
    rows,
    weights: [Infinity, ...CHANGE_WEIGHTS],
  });
}

/** Whether a figure that has no noise is the same at both sides. */
const isEqual = ({ basis, before, after, difference }: Change): boolean =>
  basis === 'exact' && difference === 0 && before.min === after.min && before.max === after.max;

function changeCells({ unit, better }: MetricFacts, change: Change): string[] {
  return [
    valueIn(unit, change.before.middle),
    valueIn(unit, change.after.middle),
    extentText(unit, better, change),
    intervalText(unit, change),
    change.p === undefined ? '' : probabilityOf({ p: change.p }),
    change.cliffsDelta === undefined ? '' : change.cliffsDelta.toFixed(2),
    verdictText(change, better),
  ];
}

function verdictText({ verdict, basis }: Change, better: MetricFacts['better']): string {
  if (!better) return '';
  return verdict ?? (basis === 'few' ? 'too few runs' : '');
}

function summaryTable(result: CompareResult): CompareTable {
  const rows = result.summary.map((summary) => {
    const { unit, better } = metricOf(result, summary);
    const count = (value: number): string => (better ? String(value) : '');
    return [
      summary.metric,
      extentText(unit, better, summary),
      intervalText(unit, summary),
      rangeText(unit, summary),
      summary.p === undefined ? '' : probabilityOf({ p: summary.p }),
      count(summary.better),
      count(summary.worse),
      count(summary.same),
      count(summary.unclear),
      summary.verdict ?? (better ? 'too few runs' : ''),
    ];
  });
  return withoutEmpty({
    head: [
      'metric',
      'median change',
      '95 % interval',
      'all points from … to',
      'p',
      'better',
      'worse',
      'same',
      'unclear',
      'verdict',
    ],
    rows,
    weights: [Infinity, Infinity, 9, 4, 5, 8, 8, 2, 3, Infinity],
  });
}

function pointsTable(result: CompareResult): CompareTable[] {
  const rank = { worse: 0, better: 1, unclear: 2, same: 3 } as const;
  const found = result.points
    .flatMap((point) => point.changes.map((change) => ({ point, change })))
    .filter(({ change: { verdict } }) => verdict === 'worse' || verdict === 'better')
    .toSorted(
      (a, b) =>
        rank[a.change.verdict!] - rank[b.change.verdict!] || sizeOf(b.change) - sizeOf(a.change),
    );
  if (found.length === 0) return [];
  const keys = result.matchedBy;
  const rows = found
    .slice(0, MOST_ROWS)
    .map(({ point, change }) => [
      ...keys.map((key) => valueOf(point.scenario[key])),
      change.metric,
      ...changeCells(metricOf(result, change), change),
    ]);
  const head = [...keys.map((key) => nameOfKey(result, key)), 'metric', ...CHANGE_HEAD];
  const weights = [...keys.map(() => 20), Infinity, ...CHANGE_WEIGHTS];
  return [withoutEmpty({ head, rows, weights })];
}

const sizeOf = ({ change, difference }: Change): number => Math.abs(change ?? difference);

/** Returns the sentences below the tables. */
export function compareNotes(result: CompareResult): string[] {
  const { points, method, onlyBefore, onlyAfter, notCompared, warnings, ignored } = result;
  const changes = points.flatMap((point) => point.changes);
  const found = changes.filter(({ verdict }) => verdict === 'worse' || verdict === 'better').length;
  const equal = points.length === 1 ? changes.filter(isEqual).map(({ metric }) => metric) : [];
  const lone = (side: string, all: CompareResult['onlyBefore']): string[] =>
    all.length === 0
      ? []
      : [`only ${side}: ${listed(all.map((one) => pointName(result, one.scenario)))}`];
  return [
    ...(equal.length > 0 ? [`equal: ${equal.join(', ')}`] : []),
    ...(points.length > 1 && found > MOST_ROWS
      ? [`${found - MOST_ROWS} more changes at points: -o FILE has them all`]
      : []),
    ...lone('before', onlyBefore),
    ...lone('after', onlyAfter),
    ...(ignored.length > 0
      ? [`runs were not matched by ${ignored.map((key) => nameOfKey(result, key)).join(', ')}`]
      : []),
    ...notCompared.map((what) => `not compared: ${what}`),
    ...warnings.map((what) => `note: ${what}`),
    howSentence(changes, method),
  ];
}

const MOST_LISTED = 5;

const listed = (texts: readonly string[]): string => {
  const more = texts.length > MOST_LISTED ? [`and ${texts.length - MOST_LISTED} more`] : [];
  return [...texts.slice(0, MOST_LISTED), ...more].join('; ');
};

function pointName(result: CompareResult, scenario: ComparedPoint['scenario']): string {
  const parts = Object.entries(scenario).map(
    ([key, value]) => `${nameOfKey(result, key)} ${valueOf(value)}`,
  );
  return parts.length === 0 ? 'the scenario' : parts.join(', ');
}

/** Returns the sentence that says what stands behind the verdicts. */
function howSentence(
  changes: readonly Change[],
  { threshold, alpha, resamples }: CompareResult['method'],
): string {
  const has = (basis: Change['basis']): boolean => changes.some((one) => one.basis === basis);
  const parts = [
    ...(has('pairs') ? ['pairs of runs with one seed'] : []),
    ...(has('samples') ? ['independent runs'] : []),
  ];
  const exact = has('exact')
    ? [
        `virtual runs with the same seed have no noise: every difference beyond ${percentOf(threshold)} counts`,
      ]
    : [];
  const tested =
    parts.length > 0
      ? [
          `${parts.join(', ')}: better or worse is a change beyond ${percentOf(threshold)}, with a 95 % interval (bootstrap, ${resamples} resamples) that leaves out 0 and a permutation p below ${alpha} over all metrics (Holm)`,
        ]
      : [];
  const few = has('few') ? ['fewer than three runs of a side have no verdict'] : [];
  return [...exact, ...tested, ...few].join('; ');
}

function metricOf(
  { metrics }: CompareResult,
  { metric }: { readonly metric: string },
): MetricFacts {
  return metrics.find(({ name }) => name === metric)!;
}

/** Formats a figure in its unit. */
function valueIn(unit: string, value: number): string {
  if (value < 0) return `−${valueIn(unit, -value)}`;
  switch (unit) {
    case 'ms':
      return value === 0 ? '0 ms' : formatDuration(value * 1e6);
    case 'us':
      return value === 0 ? '0 us' : formatDuration(value * 1e3);
    case 'bytes':
      return formatSize(value);
    case 'bytes/s':
      return formatByteRate(value);
    case 'share':
      return percentOf(value);
    case 'count':
      return Number.isInteger(value) ? String(value) : formatFigure(value);
    default:
      return `${formatFigure(value)}${unit === '/s' ? unit : ` ${unit}`}`;
  }
}

type Extent = Pick<
  Summary,
  'change' | 'changeInterval' | 'difference' | 'differenceInterval' | 'changeRange'
>;

/** Returns how far a figure has changed, and what that means: "+5.0 % worse", "×12.5 better", "+3 ms worse". */
function extentText(unit: string, better: MetricFacts['better'], extent: Extent): string {
  const { change, difference } = extent;
  const text = change === undefined ? signedIn(unit, difference) : shareText(change);
  const size = change ?? difference;
  if (!better || size === 0) return text;
  const isWorse = size > 0 === (better === 'less');
  return `${text} ${isWorse ? 'worse' : 'better'}`;
}

const signedIn = (unit: string, value: number): string =>
  `${value > 0 ? '+' : ''}${valueIn(unit, value)}`;

/** From ten times on, a factor says more than a percentage. */
const FACTOR = 9;

/** Returns a share with its sign: "+1.5 %", "−0.012 %", "×25". */
function shareText(share: number): string {
  if (share === 0) return '0 %';
  if (share >= FACTOR) return `×${formatFigure(share + 1)}`;
  const size = Math.abs(100 * share);
  const digits = size >= 0.1 ? size.toFixed(1) : size.toPrecision(2);
  return `${share < 0 ? '−' : '+'}${digits} %`;
}

function intervalText(
  unit: string,
  { changeInterval, differenceInterval, change }: Extent,
): string {
  if (changeInterval && change !== undefined) return changeInterval.map(shareText).join(' to ');
  return differenceInterval?.map((value) => signedIn(unit, value)).join(' to ') ?? '';
}

function rangeText(unit: string, { changeRange, differenceRange }: Summary): string {
  if (changeRange) return changeRange.map(shareText).join(' to ');
  return differenceRange.map((value) => signedIn(unit, value)).join(' to ');
}

/** Leaves out the columns in which no row has anything. */
function withoutEmpty({ head, rows, weights }: CompareTable): CompareTable {
  const kept = head.flatMap((_, i) =>
    rows.length === 0 || rows.some((row) => row[i] !== '') ? [i] : [],
  );
  const pick = <Item>(items: readonly Item[]): Item[] => kept.map((i) => items[i]!);
  return { head: pick(head), rows: rows.map(pick), weights: pick(weights) };
}

/** Returns a comparison as Markdown: what is compared, the tables, and the notes. */
export function compareMarkdown(result: CompareResult): string {
  const [first = '', ...rest] = compareTitle(result);
  return tablesMarkdown(
    `compare: ${result.verdict}`,
    [first, ...rest],
    compareTables(result),
    compareNotes(result),
  );
}

const FAILING: ReadonlySet<Verdict> = new Set(['worse', 'mixed']);

/** Whether a verdict says that something has become worse. */
export const isRegression = (verdict: Verdict | undefined): boolean =>
  verdict !== undefined && FAILING.has(verdict);

/** Returns a comparison as a JUnit report: a test case for each metric that has a direction, at each point. */
export function compareJunit(result: CompareResult, seconds: number): string {
  const name = 'pageferry compare';
  const cases = result.points.flatMap((point) =>
    point.changes.flatMap((change): JunitCase[] => {
      const metric = metricOf(result, change);
      if (!metric.better) return [];
      const at = result.matchedBy.length > 0 ? ` at ${pointName(result, point.scenario)}` : '';
      const [before, after, extent, interval, p] = changeCells(metric, change);
      const facts = [extent!, interval!, p ? `p ${p}` : ''].filter((fact) => fact !== '');
      const text = `${before} → ${after}: ${facts.join(', ')}`;
      return [
        {
          name: `${change.metric}${at}`,
          message: `${change.metric}${at}: ${extent}`,
          text,
          state:
            change.verdict === undefined
              ? 'skipped'
              : change.verdict === 'worse'
                ? 'failed'
                : 'passed',
        },
      ];
    }),
  );
  const skipped = result.notCompared.map((what): JunitCase => {
    const [metric = what, ...rest] = what.split(': ');
    return { name: metric, message: rest.join(': '), text: '', state: 'skipped' };
  });
  return junitReport({
    name,
    seconds,
    properties: {
      before: result.before.sources.join(' '),
      after: result.after.sources.join(' '),
      verdict: result.verdict,
    },
    cases: [...cases, ...skipped],
    output: [...compareTitle(result), ...compareNotes(result)].join('\n'),
  });
}
