import type { PageGroup } from './dirty-vector.ts';
import type { TraceIntervals } from './trace.ts';

/** How a workload chooses the next page of its region. */
export type Pattern =
  | { readonly kind: 'sequential' }
  | { readonly kind: 'uniform' }
  | { readonly kind: 'zipf'; readonly theta: number }
  /** `hotAccesses` of the accesses go to the first `hotPages` pages of the region. */
  | { readonly kind: 'hotspot'; readonly hotPages: number; readonly hotAccesses: number }
  | { readonly kind: 'stride'; readonly stridePages: number }
  /** The workload sorts an array of random numbers that fills the region, over and over. */
  | { readonly kind: 'quicksort' }
  /** Groups of pages of the region, each with a rate; the seed shuffles which pages these are. */
  | { readonly kind: 'dirty-vector'; readonly groups: readonly PageGroup[] }
  | {
      readonly kind: 'trace';
      readonly intervals: TraceIntervals;
      readonly speed: number;
      readonly end: 'loop' | 'hold';
    };

/** One activity of the guest. Every vCPU that takes part in it has streams of its own. */
export interface Workload {
  readonly pattern: Pattern;
  readonly firstGfn: number;
  readonly pages: number;
  /** The page accesses a second of the whole workload; Infinity for as many as possible. A trace ignores it. */
  readonly rate: number;
  /** The share of accesses that write, 0 to 1. */
  readonly writes: number;
  /** The number of 8-byte words that an access reads or writes. */
  readonly wordsPerPage: number;
  /** The one vCPU that takes part; all of them do when this is absent. */
  readonly vcpu?: number;
  /** The guest time from one burst of rate × tick accesses to the next; they come evenly when this is absent. */
  readonly tickNs?: number;
  /** The guest times between which the workload is active. */
  readonly fromNs: number;
  readonly untilNs: number;
  /**
   * Accesses that fell due in a throttle, a fault or stolen CPU time stay due for so long and are made when the vCPU can
   * make them; none do when it is absent, all when it is Infinity. Those of a stop are never made up for.
   */
  readonly catchUpNs?: number;
  /** How often, in guest time, its pages return to the free list of a guest with a memory manager. */
  readonly freesNs?: number;
}

/** Returns the vCPUs that take part in a workload of a guest with `vcpus` vCPUs. */
export function vcpusOf(workload: Workload, vcpus: number): readonly number[] {
  if (workload.vcpu !== undefined) return [workload.vcpu];
  return Array.from({ length: vcpus }, (_, vcpu) => vcpu);
}
