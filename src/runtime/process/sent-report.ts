import { availableParallelism } from 'node:os';
import { MONOTONIC_CLOCK_NAME } from '../../clock/monotonic.ts';
import type { FullPlan } from '../../guest/stream-plan.ts';
import { LAG_NS } from '../../guest/vcpu-state.ts';
import type { SourceReport } from '../../migration/source.ts';
import type { GuestSide } from '../common/guest-side.ts';
import { mostOf } from '../common/measures.ts';
import { type RunFacts, reportOf } from '../common/run-report.ts';
import type { RunConfig } from '../config.ts';
import type { ConnectionReport, Proof, RunReport, TimelineSample } from '../report.ts';
import type { Half } from './half.ts';
import type { BodyOf } from './messages.ts';

/** What a sender knows at the end: what it has measured itself, and what the receiver has said. */
export interface SentFacts extends Pick<RunFacts, 'rates' | 'rings' | 'startedNs' | 'endedNs'> {
  readonly config: RunConfig;
  readonly plan: FullPlan;
  readonly half: Half<'source'>;
  readonly outcome: SourceReport;
  readonly ended: BodyOf<'ended'> | undefined;
  readonly parked: BodyOf<'parked'> | undefined;
  readonly prepareNs: number;
  readonly connection: ConnectionReport;
  readonly proof: Proof | undefined;
}

/** The vCPUs of a guest, an engine and a main thread on either side may want a CPU at a time. */
const OTHER_THREADS = 4;

/** Builds the report of a guest that was sent to another process. */
export function sentReport(facts: SentFacts): RunReport {
  const { config, plan, half, ended, parked, proof } = facts;
  const sides = { source: half.guest, destination: destinationSide(half.guest, parked) };
  return {
    runtime: 'processes',
    clock: MONOTONIC_CLOCK_NAME,
    ...reportOf({
      ...facts,
      sides,
      source: facts.outcome,
      destination: ended && {
        outcome: ended.outcome,
        tally: ended.tally,
        droppedPages: ended.droppedPages,
        ...(ended.error === undefined ? {} : { error: ended.error }),
      },
      timeline: joined(half.timeline.samples, parked?.timeline ?? []),
      faults: parked?.faults.map((log) => log ?? undefined) ?? [],
    }),
    connection: facts.connection,
    disturbance: {
      maxLagNs: mostOf(sides, plan, LAG_NS),
      involuntarySwitches: half.involuntarySwitches + (parked?.involuntarySwitches ?? 0),
      runnableThreads: config.guest.vcpus + OTHER_THREADS,
      cpus: availableParallelism(),
    },
    prepareNs: facts.prepareNs,
    ...(proof ? { proof } : {}),
  };
}

/** Returns the destination's side as far as reports read it: the area of its vCPUs is what the receiver has sent. */
function destinationSide(source: GuestSide, parked: BodyOf<'parked'> | undefined): GuestSide {
  const area = new Float64Array(source.area.length);
  const bytes = parked?.area;
  if (bytes?.length === area.byteLength) new Uint8Array(area.buffer).set(bytes);
  return { ...source, area };
}

/** Returns the samples of both sides in one row; the guest's accesses at the destination go on from those at the source. */
function joined(
  source: readonly TimelineSample[],
  destination: readonly TimelineSample[],
): TimelineSample[] {
  const all = [...source, ...destination].toSorted((a, b) => a.ns - b.ns);
  let most = 0;
  return all.map(({ ns, accesses }) => {
    most = Math.max(most, accesses);
    return { ns, accesses: most };
  });
}
