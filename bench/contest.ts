import { type Contestant, measure } from './measure.ts';
import type { LoadedReference } from './reference.ts';
import { isToy } from './report.ts';
import { figure, type Row, type Unit } from './rows.ts';

interface Rival extends Contestant {
  readonly name: string;
  readonly goal?: number | undefined;
}

/** Ours beside C that does the same. */
export interface Contest {
  readonly what: string;
  readonly unit: Unit;
  /** Work done in a call: bytes for GB/s, else writes, pages or harvests. */
  readonly amount: number;
  readonly ours: Contestant;
  /** The C that sets the ratio, absent where the bench has none; what it does if not just the same. */
  readonly c?: Contestant | undefined;
  readonly cName?: string;
  readonly goal?: number | undefined;
  /** Other ways to do it in C, a row each. */
  readonly others?: readonly Rival[];
  /** Cycles of each, when they are long or short; 11 when absent. */
  readonly cycles?: number;
}

/** What a suite is given. */
export interface SuiteContext {
  readonly reference: LoadedReference;
  /** How to run just this suite. */
  readonly command: string;
}

/** Holds a contest; returns a row for each C contestant, one without a ratio when there is none. */
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

/** What a ratio means for a goal. At toy size it means nothing. */
function judge(ratio: number | undefined, goal: number | undefined): Pick<Row, 'goal' | 'met'> {
  if (goal === undefined) return {};
  if (ratio === undefined || isToy) return { goal };
  // What is rounded to the goal meets it: the digits after that are noise.
  return { goal, met: Math.round(ratio * 100) / 100 >= goal };
}
