import { type Contestant, measure } from './measure.ts';
import type { LoadedReference } from './reference.ts';
import { isToy } from './report.ts';
import { figure, type Row, type Unit } from './rows.ts';

interface Rival extends Contestant {
  readonly name: string;
  readonly goal?: number | undefined;
}

/** A comparison of our code with C that does the same work. */
export interface Contest {
  readonly what: string;
  readonly unit: Unit;
  /** The work that a call does: bytes for GB/s, else writes, pages or harvests. */
  readonly amount: number;
  readonly ours: Contestant;
  /** The C code that sets the ratio; absent when there is no reference. */
  readonly c?: Contestant | undefined;
  /** What the C code does, when that is not quite the same. */
  readonly cName?: string;
  /** The smallest ratio that meets the goal. */
  readonly goal?: number | undefined;
  /** Other ways to do the work in C; each gets a row. */
  readonly others?: readonly Rival[];
  /** How many cycles each contestant has; 11 when absent. */
  readonly cycles?: number;
}

/** What a suite is given. */
export interface SuiteContext {
  readonly reference: LoadedReference;
  /** The command that runs just this suite. */
  readonly command: string;
}

/** Holds a contest. Returns a row for each C contestant, or one row without a ratio when there is none. */
export function hold(contest: Contest, command: string): Row[] {
  const { what, unit, amount, goal, others = [], cycles } = contest;
  const rivals: Rival[] = contest.c
    ? [{ ...contest.c, name: contest.cName ?? '', goal }, ...others]
    : [];
  const [ours, ...seconds] = measure([contest.ours, ...rivals], cycles);
  const base = { unit, ours: figure(unit, ours!, amount), command };
  if (rivals.length === 0) return [{ what, ...base, ...judge(undefined, goal) }];
  return rivals.map((rival, index) => {
    const ratio = seconds[index]! / ours!;
    return {
      what: rival.name === '' ? what : `${what}, C: ${rival.name}`,
      ...base,
      c: figure(unit, seconds[index]!, amount),
      ratio,
      ...judge(ratio, rival.goal),
    };
  });
}

/** Judges a ratio by the goal. At toy size no ratio is judged. */
function judge(ratio: number | undefined, goal: number | undefined): Pick<Row, 'goal' | 'met'> {
  if (goal === undefined) return {};
  if (ratio === undefined || isToy) return { goal };
  // A ratio that is rounded to the goal meets it, because further digits are noise.
  return { goal, met: Math.round(ratio * 100) / 100 >= goal };
}
