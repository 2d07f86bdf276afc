import type { RunConfig } from '../../runtime/config.ts';
import { InputError } from '../../scenario/input-error.ts';
import { identityOf } from './identity.ts';
import type { Sweep } from './load.ts';
import type { RunRecord } from './rows.ts';

/** A run that a sweep has to have. */
export interface PlannedRun {
  /** The first point of the grid that is this run. */
  readonly index: number;
  readonly id: string;
  readonly isVirtual: boolean;
  /** About how much memory the run takes. */
  readonly bytes: number;
}

/** The runs of a sweep, or of a share of it. */
export interface SweepPlan {
  /** The runs of the share, in the order of the grid; equal ones are one. */
  readonly runs: readonly PlannedRun[];
  /** The identity of the run of each point that the sweep's conditions let be, by the point's index. */
  readonly idOfPoint: ReadonlyMap<number, string>;
  /** Whether every point of the grid has been looked at. */
  readonly isWhole: boolean;
}

export interface PlanOptions {
  /** The share of the runs that this process makes: the `index`-th of `of`, from 1 on. */
  readonly shard?: { readonly index: number; readonly of: number };
  /** Called now and then with the number of points that have been looked at. */
  readonly onPoint?: (index: number) => void;
  /** Aborting it ends the look at the grid. */
  readonly signal?: AbortSignal;
}

/**
 * Looks at every point of a sweep's grid, and returns which runs there are. All shares of a sweep agree on which run
 * belongs to which of them. Rejects with InputError when a point is no scenario, and when there is none at all.
 */
export async function planSweep(sweep: Sweep, options: PlanOptions = {}): Promise<SweepPlan> {
  const { index, of } = options.shard ?? { index: 1, of: 1 };
  const runs: PlannedRun[] = [];
  const idOfPoint = new Map<number, string>();
  const seen = new Set<string>();
  for (let at = 0; at < sweep.points; at++) {
    if (at % 64 === 0) {
      options.onPoint?.(at);
      // Signals and the progress line have their turn.
      await new Promise((resolve) => setImmediate(resolve));
      if (options.signal?.aborted) return { runs, idOfPoint, isWhole: false };
    }
    const point = sweep.point(at);
    if (!point) continue;
    const id = identityOf(point);
    idOfPoint.set(at, id);
    if (seen.has(id)) continue;
    seen.add(id);
    if ((seen.size - 1) % of !== index - 1) continue;
    const { config } = point;
    const isVirtual = config.runtime === 'virtual';
    runs.push({ index: at, id, isVirtual, bytes: memoryOf(config) });
  }
  if (idOfPoint.size === 0) {
    const sentence = 'the conditions leave out every point of the grid';
    throw new InputError([{ place: sweep.source, key: 'where', sentence }]);
  }
  return { runs, idOfPoint, isWhole: true };
}

/** Returns records in the order of a plan; those of runs that it does not have come last. */
export function inOrderOf({ runs }: SweepPlan, records: readonly RunRecord[]): RunRecord[] {
  const order = new Map(runs.map(({ id }, index) => [id, index]));
  const placeOf = ({ id }: RunRecord): number => order.get(id) ?? Infinity;
  return records.toSorted((a, b) => placeOf(a) - placeOf(b) || 0);
}

/** Returns about how much memory a virtual run takes: both sides' pages, or what `versions` counts of each page. */
function memoryOf({ guest }: RunConfig): number {
  const pages = guest.memoryBytes / guest.pageSize;
  return guest.backing === 'versions' ? 32 * pages : 2 * guest.memoryBytes;
}
