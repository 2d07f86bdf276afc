import type { TraceIntervals } from './trace.ts';

export type Pattern =
  | { readonly kind: 'sequential' }
  | { readonly kind: 'uniform' }
  | { readonly kind: 'zipf'; readonly theta: number }
  /** `hotAccesses` of the accesses go to the first `hotPages` pages of the region. */
  | { readonly kind: 'hotspot'; readonly hotPages: number; readonly hotAccesses: number }
  | { readonly kind: 'stride'; readonly stridePages: number }
  /** Sorts an array of random numbers that fills the region, over and over. */
  | { readonly kind: 'quicksort' }
  | {
      readonly kind: 'trace';
      readonly intervals: TraceIntervals;
      readonly speed: number;
      readonly end: 'loop' | 'hold';
    };

/** One thing the guest does; every vCPU that takes part in it has a stream of its own. */
export interface Workload {
  readonly pattern: Pattern;
  readonly firstGfn: number;
  readonly pages: number;
  /** Page accesses a second of the whole workload; Infinity: as fast as it goes. A trace ignores it. */
  readonly rate: number;
  /** Share of accesses that write, 0 to 1. */
  readonly writes: number;
  readonly wordsPerPage: number;
  /** The one vCPU that does it; absent: all of them. */
  readonly vcpu?: number;
  /** Accesses come in bursts of rate × tick; absent: evenly. */
  readonly tickNs?: number;
  /** The phase in which it is active, guest time. */
  readonly fromNs: number;
  readonly untilNs: number;
  /** Of a managed guest: it gives its pages back to the free list every so often, guest time. */
  readonly freesNs?: number;
}

/** The vCPUs that take part in a workload. */
export function vcpusOf(workload: Workload, vcpus: number): readonly number[] {
  if (workload.vcpu !== undefined) return [workload.vcpu];
  return Array.from({ length: vcpus }, (_, vcpu) => vcpu);
}
