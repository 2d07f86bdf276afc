import { groupsOf } from './groups.ts';
import type { Hunted } from './hunt.ts';

interface Row {
  readonly name: string;
  readonly planted: string;
  readonly killed: string;
  readonly seconds: string;
}

const isKilled = ({ fate }: Hunted): boolean => fate.startsWith('killed');

/** Returns the lines of a table that counts, for each room and suite, what was planted and what was killed. */
export function tableOf(results: readonly Hunted[]): readonly string[] {
  const rooms = groupsOf(results, ({ bug }) => bug.room);
  const rows: Row[] = [{ name: 'suite', planted: 'planted', killed: 'killed', seconds: 'seconds' }];
  for (const [room, ofRoom] of [...rooms].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    rows.push(rowOf(room, ofRoom));
    const suites = groupsOf(ofRoom, ({ bug }) => bug.suite);
    for (const [suite, ofSuite] of suites) rows.push(rowOf(`  ${suite}`, ofSuite));
  }
  rows.push(rowOf('all', results));
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows.map(
    ({ name, planted, killed, seconds }) =>
      `${name.padEnd(width)}  ${planted.padStart(7)}  ${killed.padStart(6)}  ${seconds.padStart(7)}`,
  );
}

function rowOf(name: string, results: readonly Hunted[]): Row {
  const seconds = results.reduce((sum, one) => sum + one.seconds, 0);
  return {
    name,
    planted: String(results.length),
    killed: String(results.filter(isKilled).length),
    seconds: seconds.toFixed(0),
  };
}

/** Returns one line about what became of a bug. */
export function lineOf({ bug, fate, what, seconds }: Hunted): string {
  const by = what === '' ? '' : `: ${what}`;
  return `${fate.padEnd(8)} ${seconds.toFixed(1).padStart(5)} s  ${bug.id} (${bug.suite})${by}`;
}

/** Returns the bugs of whose fate somebody must think: those not killed, unless they are known to be open. */
export const trouble = (results: readonly Hunted[]): readonly Hunted[] =>
  results.filter((one) => !isKilled(one) && !isOpen(one));

/** Returns the bugs that have survived as the catalogue says. */
export const stillOpen = (results: readonly Hunted[]): readonly Hunted[] => results.filter(isOpen);

const isOpen = ({ bug, fate }: Hunted): boolean => bug.open !== undefined && fate === 'SURVIVED';
