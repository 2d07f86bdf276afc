import { fitDirtyVector } from '../guest/dirty-vector.ts';
import { pointsOf, type WrittenPoint } from '../guest/patterns/dirty-vector.ts';
import { parseSize } from '../units/size.ts';

/** What became of a workload of pattern dirty-vector: the pages that were asked for and those of the fit, by time. */
export interface VectorFit {
  /** The index of the workload. */
  readonly workload: number;
  readonly points: {
    readonly afterMs: number;
    readonly pages: number;
    readonly fittedPages: number;
  }[];
  /** The largest difference of a fitted from its asked count, as a share of the latter. */
  readonly worstError: number;
}

/** A fit beside the pages that a measurement has found. */
export interface MeasuredVector {
  readonly workload: number;
  readonly points: readonly (VectorFit['points'][number] & {
    readonly measuredPages: number;
    /** (measured − asked) ÷ asked. */
    readonly error: number;
  })[];
  /** The largest difference of a fitted from its asked count, as a share of the latter. */
  readonly worstError: number;
}

/** Puts the dirty pages that were measured over the periods of a vector, in their order, beside its fit. */
export function comparedWith(
  { workload, points, worstError }: VectorFit,
  { measurements }: { readonly measurements: readonly { readonly dirtyPages: number }[] },
): MeasuredVector {
  const measured = points.slice(0, measurements.length).map((point, k) => {
    const { dirtyPages } = measurements[k]!;
    const error = Math.round((dirtyPages / point.pages - 1) * 1e4) / 1e4;
    return { ...point, measuredPages: dirtyPages, error };
  });
  return { workload, points: measured, worstError };
}

/** From this error on a result warns that a fit is not what was asked for. */
const BAD_FIT = 0.05;

interface WrittenWorkload {
  readonly pattern: string;
  readonly points: readonly WrittenPoint[];
  readonly region?: { readonly size: string | number };
}

/** Returns the fits of a complete scenario's dirty-rate vectors; none when the scenario is empty. */
export function vectorFits(scenario: Record<string, unknown>): VectorFit[] {
  const guest = scenario['guest'] as
    | {
        readonly memory: string | number;
        readonly pageSize: string | number;
        readonly workloads: readonly WrittenWorkload[];
      }
    | undefined;
  return (guest?.workloads ?? []).flatMap((workload, index) => {
    if (workload.pattern !== 'dirty-vector') return [];
    const pageSize = parseSize(guest!.pageSize);
    const points = pointsOf(workload.points, pageSize);
    const pages = parseSize(workload.region?.size ?? guest!.memory) / pageSize;
    const { fittedPages, worstError } = fitDirtyVector(points, pages);
    return [
      {
        workload: index,
        points: points.map((point, k) => ({
          afterMs: point.afterNs / 1e6,
          pages: point.pages,
          fittedPages: Math.round(fittedPages[k]!),
        })),
        worstError: Math.round(worstError * 1e4) / 1e4,
      },
    ];
  });
}

/** Returns a sentence for each fit that is far from what was asked for. */
export function badFits(fits: readonly VectorFit[]): string[] {
  return fits.flatMap(({ workload, worstError, points }) => {
    if (worstError < BAD_FIT) return [];
    const worst = points.reduce((a, b) => (errorOf(b) > errorOf(a) ? b : a));
    return [
      `guest.workloads[${workload}].points: no groups of pages dirty what was asked for: the best fit dirties ` +
        `${worst.fittedPages} pages in ${worst.afterMs} ms, where ${worst.pages} were asked for. A guest that writes ` +
        'its pages in order, or one that was not steady, gives such a vector: measure again, or use pattern sequential',
    ];
  });
}

const errorOf = ({ pages, fittedPages }: VectorFit['points'][number]): number =>
  Math.abs(fittedPages - pages) / pages;
