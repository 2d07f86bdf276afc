import type { RunResult } from '../../result/schema.ts';

/** A cell of a table of runs. */
export type Cell = string | number | boolean;
export type Cells = Readonly<Record<string, Cell>>;

/** What a store keeps of a run besides its full result. */
export interface RunRecord {
  /** The run's identity (identity.ts). */
  readonly id: string;
  /** The scenario of the sweep that the run is a variant of. */
  readonly label: string;
  /** The digest of the program that made the run (program.ts); absent where nobody knows it. */
  readonly program?: string;
  /** The keys of its complete scenario as they are written there, by names such as `guest_workloads_0_rate`. */
  readonly scenario: Cells;
  /** Its figures, by names such as `ram_transferred`. */
  readonly result: Cells;
}

/** These parts of a result are no figures, or are told by the scenario's columns. */
const NO_FIGURES: ReadonlySet<string> = new Set([
  'schema',
  'version',
  'scenario',
  'host',
  'runtime',
  'clock',
]);

/** Returns the record of a run that has ended with a result, whatever its outcome; `wallMs` is how long it took. */
export function recordOf(id: string, label: string, result: RunResult, wallMs: number): RunRecord {
  const figures = Object.fromEntries(
    Object.entries(result).filter(([key]) => !NO_FIGURES.has(key)),
  );
  const live = result.rounds.filter(({ stopped }) => !stopped);
  const expected = result.rounds.findLast(({ expectedDowntimeMs: ms }) => ms !== undefined);
  const rates = result.guest.achievedRate;
  return {
    id,
    label,
    scenario: flatten(result.scenario, true),
    result: {
      ...flatten(figures, false),
      rounds: live.length,
      ...(expected ? { expectedDowntimeMs: expected.expectedDowntimeMs! } : {}),
      ...(rates ? { guest_achievedRate: rates.reduce((sum, rate) => sum + rate, 0) } : {}),
      wallMs: Math.round(wallMs),
    },
  };
}

/** Returns the record of a run that could not be made. */
export function failureOf(
  id: string,
  label: string,
  scenario: Readonly<Record<string, unknown>>,
  error: string,
): RunRecord {
  return { id, label, scenario: flatten(scenario, true), result: { outcome: 'failed', error } };
}

/**
 * Returns the scalars of a value by their paths, whose parts are joined by `_`. Lists are entered only with `lists`,
 * their entries counted from 0.
 */
export function flatten(value: unknown, lists: boolean): Record<string, Cell> {
  const cells: Record<string, Cell> = {};
  const visit = (at: unknown, name: string): void => {
    if (typeof at === 'string' || typeof at === 'number' || typeof at === 'boolean') {
      cells[name] = at;
    } else if (typeof at === 'object' && at !== null && (lists || !Array.isArray(at))) {
      for (const [key, inner] of Object.entries(at)) visit(inner, name ? `${name}_${key}` : key);
    }
  };
  visit(value, '');
  return cells;
}
