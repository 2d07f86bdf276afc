import { median } from '../lab/statistics.ts';
import type { Outcome } from '../lab/papers/outcome.ts';

/** How an experiment's values and goals stand. */
interface Stand {
  readonly name: string;
  readonly paper: string;
  /** How many goals there are, how many are met, and how many are bounds instead of values. */
  readonly goals: number;
  readonly met: number;
  readonly bounds: number;
  /** The sizes of the relative errors of all values that the paper has, and how many of these values have a goal. */
  readonly errors: readonly number[];
  readonly valueGoals: number;
}

function standOf({ name, paper, series }: Outcome): Stand {
  const points = series.flatMap(({ bound, points: all }) =>
    all.map((point) => ({ ...point, isBound: bound !== undefined })),
  );
  const judged = points.filter(({ isMet }) => isMet !== undefined);
  const values = points.filter(({ isBound, error }) => !isBound && error !== null);
  return {
    name,
    paper,
    goals: judged.length,
    met: judged.filter(({ isMet }) => isMet === true).length,
    bounds: judged.filter(({ isBound }) => isBound).length,
    errors: values.map(({ error }) => Math.abs(error!)),
    valueGoals: values.filter(({ isMet }) => isMet !== undefined).length,
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);

/** Formats a share as a percentage with two digits, such as "0.42 %" and "38 %". */
const percent = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;

const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;

/** How many experiments are named as those that fit worst. */
const WORST = 3;

/**
 * Returns the paragraphs that say what the goals of all experiments are worth: how many there are, how many of them are
 * bounds that nothing could miss, and how far ours and the papers differ where there are no goals.
 */
export function goalsText(outcomes: readonly Outcome[]): string {
  const stands = outcomes.map(standOf);
  const count = (of: (stand: Stand) => number): number => sum(stands.map(of));
  // An experiment that compares nothing but bounds checks a rule; others have bounds that a run may well miss.
  const sure = stands.filter(({ bounds, errors }) => bounds > 0 && errors.length === 0);
  const fitted = stands.filter(({ errors }) => errors.length > 0);
  const worst = fitted.toSorted((a, b) => median(b.errors) - median(a.errors)).slice(0, WORST);
  const withoutGoal = fitted.filter(({ goals }) => goals === 0);
  const of = (these: readonly Stand[]): string =>
    listed(these.map(({ name, errors }) => `${name} (${percent(median(errors))})`));
  return [
    `There are ${count(({ goals }) => goals)} goals, and ours meet ${count(({ met }) => met)} of them. That says less than it seems to:`,
    '',
    `- ${count(({ bounds }) => bounds)} of the goals are bounds and not values. Of these, the ${sum(sure.map(({ bounds }) => bounds))} of ${listed(sure.map(({ name }) => name))} follow from the rules of pre-copy: they hold for all guests, and nothing but a bug could miss them.`,
    `- ${count(({ errors }) => errors.length)} values of the papers can be compared with ours, and ${count(({ valueGoals }) => valueGoals)} of them have a goal. The experiments that fit worst have hardly any: ${of(worst)}, by the median of their errors, have ${sum(worst.map(({ valueGoals }) => valueGoals))} for their ${sum(worst.map(({ errors }) => errors.length))} values.`,
    `- ${of(withoutGoal)} have no goal at all.`,
  ].join('\n');
}

/** Returns the rows of the overview, a Markdown table: for each experiment its goals, and the errors of its values. */
export function overviewRows(outcomes: readonly Outcome[], verdict: (outcome: Outcome) => string) {
  return outcomes.map((outcome) => {
    const { name, paper, errors } = standOf(outcome);
    const [middle, largest] =
      errors.length === 0 ? ['', ''] : [percent(median(errors)), percent(Math.max(...errors))];
    const count = errors.length === 0 ? '' : String(errors.length);
    return `| [${name}](#${name}) | ${paper} | ${verdict(outcome)} | ${count} | ${middle} | ${largest} |`;
  });
}
