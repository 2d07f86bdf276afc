import { z } from 'zod';
import { amountOver, drawn } from './host-series.ts';
import { type Figures, type OutcomeSeries, pointOf } from './outcome.ts';
import { type Given, hostReportOf, type OnRun } from './result-of.ts';

const input = z.strictObject({
  /** From which minute on the toucher touches how many MiB, until the next one. */
  phases: z.array(z.tuple([z.number(), z.number()])),
  /** Where the toucher's memory begins in the guest, and how long it takes to touch all of it once. */
  startMiB: z.number(),
  passSeconds: z.number().positive(),
  /** What other programs touch besides. */
  backgroundMiB: z.number(),
  /** The paper's estimates: pairs of a minute and MiB. */
  estimates: z.array(z.tuple([z.number(), z.number()])),
  /** The share of a step up that the estimate must have reached after so many seconds. */
  step: z.strictObject({ share: z.number(), seconds: z.number() }),
});

type Input = z.output<typeof input>;

/**
 * Figure 6 of Waldspurger, OSDI 2002: a program that touches now more and now less memory, and the estimate that the
 * host has of it from 100 pages in each half minute.
 */
export async function esxActiveMemory(onRun: OnRun, { loadHost, data }: Given): Promise<Figures> {
  const given = input.parse(data);
  const [model] = loadHost().scenarios;
  const workloads = [...model!.guest.workloads, ...phaseWorkloads(given)];
  const loaded = loadHost([`guests[0].guest.workloads=${JSON.stringify(workloads)}`]);
  const report = await hostReportOf(loaded);
  onRun(1, 1);
  const active = amountOver(report, 0, 'active');
  const at = new Map(active);
  const compared: OutcomeSeries = {
    name: 'estimate of active memory',
    isUnverified: true,
    isAside: true,
    points: given.estimates.map(([minute, mib]) => pointOf(minute, mib, at.get(minute)!)),
  };
  return {
    x: { label: 'time', unit: 'min', log: false },
    y: { label: 'memory', unit: 'MiB', log: false },
    series: [
      drawn('estimate of active memory', active, { paper: new Map(given.estimates) }),
      drawn(
        'touched in fact',
        active.map(([minute]) => [minute, levelAt(given, minute)] as const),
      ),
      compared,
      stepsUp(given, active),
    ],
  };
}

/** Returns a workload for each phase that touches memory, which goes over all of it again and again. */
function phaseWorkloads({ phases, startMiB, passSeconds }: Input): object[] {
  return phases.flatMap(([from, mib], i) => {
    if (mib === 0) return [];
    const next = phases[i + 1];
    return {
      pattern: 'sequential',
      region: { start: `${startMiB}MiB`, size: `${mib}MiB` },
      rate: Math.round((mib * 256) / passSeconds),
      from: `${from * 60}s`,
      ...(next ? { until: `${next[0] * 60}s` } : {}),
    };
  });
}

/** Returns how many MiB the guest's programs touch at a minute. */
function levelAt({ phases, backgroundMiB }: Input, minute: number): number {
  return backgroundMiB + (phases.findLast(([from]) => from <= minute)?.[1] ?? 0);
}

/** Returns how many seconds the estimate takes to reach a share of each step up. */
function stepsUp(given: Input, active: readonly (readonly [number, number])[]): OutcomeSeries {
  const { phases, backgroundMiB, step } = given;
  const points = phases.flatMap(([from, mib], i) => {
    const before = phases[i - 1]?.[1] ?? 0;
    if (mib <= before) return [];
    const reached = backgroundMiB + before + step.share * (mib - before);
    const found = active.find(([minute, estimate]) => minute >= from && estimate >= reached);
    const seconds = found ? Math.round((found[0] - from) * 60) : Infinity;
    return [pointOf(from, step.seconds, seconds, { bound: 'high' })];
  });
  const name = `seconds to ${step.share * 100} % of a step up, at most two periods and a pass`;
  return { name, isUnverified: false, isAside: true, bound: 'high', points };
}
