import { Histogram } from './histogram.ts';
import type { SlaSpec } from '../config.ts';

/** What an application did in one step. */
export interface StepFigures {
  readonly offered: number;
  readonly served: number;
  readonly dropped: number;
  /** The mean response time of the requests that were served in the step, and what 99 % of them stayed under. */
  readonly meanNs: number;
  readonly p99Ns: number;
  /** Whether one of its VMs migrated. */
  readonly isMigrating: boolean;
}

/** Requests of an application, and for how long its service-level agreement was violated. */
export class ApplicationStats {
  readonly responses = new Histogram();
  /** Those of them that were answered in steps in which one of its VMs migrated. */
  readonly migratingResponses = new Histogram();
  offered = 0;
  served = 0;
  dropped = 0;
  droppedMigrating = 0;
  violationNs = 0;
  /** The part of it during which one of its VMs migrated. */
  violationMigratingNs = 0;
  /** Sums since the last interval began, from which series are made. */
  #interval = { served: 0, dropped: 0, responseNs: 0, p99Ns: 0 };

  /** Adds the figures of a step of `stepNs`. */
  add(figures: StepFigures, stepNs: number, sla: SlaSpec | undefined): void {
    const { offered, served, dropped, meanNs, p99Ns, isMigrating } = figures;
    this.offered += offered;
    this.served += served;
    this.dropped += dropped;
    if (isMigrating) this.droppedMigrating += dropped;
    if (sla && isViolated(figures, stepNs, sla)) {
      this.violationNs += stepNs;
      if (isMigrating) this.violationMigratingNs += stepNs;
    }
    const interval = this.#interval;
    interval.served += served;
    interval.dropped += dropped;
    interval.responseNs += served * meanNs;
    interval.p99Ns = Math.max(interval.p99Ns, p99Ns);
  }

  /** Ends an interval; the mean is absent when nothing was served in it. */
  takeInterval(): { served: number; dropped: number; meanNs?: number; p99Ns: number } {
    const { served, dropped, responseNs, p99Ns } = this.#interval;
    this.#interval = { served: 0, dropped: 0, responseNs: 0, p99Ns: 0 };
    return { served, dropped, p99Ns, ...(served > 0 ? { meanNs: responseNs / served } : {}) };
  }
}

/** Requests that are in a queue count as late only once they are served, so a step's figures decide for themselves. */
function isViolated(
  { offered, served, meanNs, p99Ns }: StepFigures,
  stepNs: number,
  { perSecond = 0, p99Ns: mostP99Ns = Infinity, meanNs: mostMeanNs = Infinity }: SlaSpec,
): boolean {
  // Half a request is the grain of counting whole ones.
  const due = Math.min(offered, (perSecond * stepNs) / 1e9) - 0.5;
  return served < due * (1 - SERVED_SLACK) || p99Ns > mostP99Ns || meanNs > mostMeanNs;
}

/** Random arrivals make a step's served requests differ from those that it was offered, by so much at most. */
const SERVED_SLACK = 0.05;
