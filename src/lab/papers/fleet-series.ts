import type { LoadedFleet } from '../../fleet/datacentre/load.ts';
import type { FleetReport, MigrationReport } from '../../fleet/datacentre/report.ts';
import { type OutcomeSeries, pointOf } from './outcome.ts';
import { fleetReportOf, type Given, type OnRun } from './result-of.ts';

/** Whatever is counted, such as guests and moves, is right or wrong: this goal allows for no error. */
export const EXACT = 1e-9;

/** Sandpiper without a look into guests and with one, as policies are called and as tables call them. */
export const VIEWS = [
  { kind: 'black', seen: 'seen from outside' },
  { kind: 'gray', seen: 'seen from inside' },
] as const;

export type View = (typeof VIEWS)[number];

/** A fleet that has lived under a policy, as it was loaded, and the length of its intervals. */
export interface Lived {
  readonly loaded: LoadedFleet;
  readonly report: FleetReport;
  readonly intervalS: number;
}

/** Lets the fleet of an experiment live, with overrides. */
export async function live({ loadFleet }: Given, sets: readonly string[] = []): Promise<Lived> {
  const loaded = loadFleet(sets);
  const intervalS = loaded.config.monitor.intervalNs / 1e9;
  return { loaded, report: await fleetReportOf(loaded), intervalS };
}

/** Lets the fleet of an experiment live twice, once for each of `VIEWS`, and passes each life on with what it was for. */
export async function liveTwice(onRun: OnRun, given: Given): Promise<(View & Lived)[]> {
  const lives: (View & Lived)[] = [];
  for (const view of VIEWS) {
    lives.push({ ...view, ...(await live(given, [`policy=sandpiper-${view.kind}`])) });
    onRun(lives.length, VIEWS.length);
  }
  return lives;
}

/** Returns what a fleet recorded at the end of each interval, as pairs of a time in seconds and a value. */
export const overTime = (
  values: readonly number[],
  intervalS: number,
  of: (value: number) => number = (value) => value,
): [number, number][] => values.map((value, i) => [(i + 1) * intervalS, of(value)]);

/** A row of a table: x, the paper's value if it has one, and ours. */
type Row = readonly [x: number, paper: number | null, ours: number];

/** Returns a series that only the table shows, with what judges its points, if anything does. */
export function tableSeries(
  name: string,
  rows: readonly Row[],
  judged: {
    readonly goal?: number;
    readonly bound?: 'low' | 'high';
    /** By how much ours may differ, in the unit of the series; a goal for each point follows from it. */
    readonly within?: number;
    readonly isUnverified?: boolean;
  } = {},
): OutcomeSeries {
  const { goal, bound, within, isUnverified = false } = judged;
  const goalOf = (paper: number | null): { goal?: number } =>
    within === undefined || paper === null
      ? goal === undefined
        ? {}
        : { goal }
      : { goal: within / paper };
  return {
    name,
    isUnverified,
    isAside: true,
    ...(goal === undefined ? {} : { goal }),
    ...(bound ? { bound } : {}),
    points: rows.map(([x, paper, ours]) =>
      pointOf(x, paper, ours, { ...goalOf(paper), ...(bound ? { bound } : {}) }),
    ),
  };
}

/** A move of a paper: the numbers of the guest and of the host that it goes to; without a number it is 0. */
export type PaperMove = readonly [guest: number, host: number];

/** The part of a migration that says which guest went where. */
type OurMove = Pick<MigrationReport, 'vm' | 'to'>;

/** Returns tables of which guest goes to which host; any error is a wrong guest or a wrong host. */
export function movesOf(
  moves: readonly PaperMove[],
  ours: readonly OurMove[],
  seen = '',
): OutcomeSeries[] {
  const told = seen === '' ? '' : `${seen}: `;
  const nth = moves.map((_, i) => ['1st', '2nd', '3rd'][i]).join(', ');
  const goal = { goal: EXACT };
  const guests = moves.map(([guest], i) => [i + 1, guest, numberOf(ours[i]?.vm)] as const);
  const hosts = moves.map(([, host], i) => [i + 1, host, numberOf(ours[i]?.to)] as const);
  return [
    tableSeries(`${told}number of the guest that migrates, of the ${nth}`, guests, goal),
    tableSeries(`${told}number of the host that it goes to`, hosts, goal),
    tableSeries(`${told}migrations in all`, [[moves.length, moves.length, ours.length]], goal),
  ];
}

/** Returns the number at the end of a name; 0 when there is none. */
export const numberOf = (name: string | undefined): number =>
  Number(/\d+$/.exec(name ?? '')?.[0] ?? 0);
