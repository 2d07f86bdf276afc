import type { FaultLog } from '../../guest/faults.ts';
import { mergeFaults } from '../../guest/faults.ts';
import type { GuestPlan } from '../../guest/stream-plan.ts';
import { GAP_NS } from '../../guest/vcpu-state.ts';
import type { RingCounts } from '../../memory/dirty-logs/dirty-log.ts';
import type { DestinationReport } from '../../migration/destination.ts';
import { aroundNs } from '../../migration/spec/common-spec.ts';
import type { SourceReport } from '../../migration/source.ts';
import type { RunConfig } from '../config.ts';
import type { RunReport, TimelineSample } from '../report.ts';
import type { GuestSide } from './guest-side.ts';
import { linkFacts } from './link-facts.ts';
import { endedTraces } from './trace-warnings.ts';
import { managerCounts, mostOf } from './measures.ts';

/** What a runtime knows of a guest and its migration once the run is over. */
export interface RunFacts {
  readonly config: RunConfig;
  readonly plan: GuestPlan;
  readonly sides: { readonly source: GuestSide; readonly destination: GuestSide };
  readonly source: SourceReport;
  readonly destination: DestinationReport | undefined;
  /** Accesses a second of each workload before the migration. */
  readonly rates: readonly number[] | undefined;
  readonly timeline: readonly TimelineSample[];
  /** The fault log of each of the destination's vCPUs. */
  readonly faults: readonly (FaultLog | undefined)[];
  readonly rings: readonly RingCounts[];
  readonly startedNs: number;
  readonly endedNs: number;
}

/** Builds the part of a report that is the same in every runtime. */
export function reportOf(
  facts: RunFacts,
): Pick<RunReport, 'source' | 'link' | 'destination' | 'guest' | 'around'> {
  const { config, plan, sides, source, destination, rates } = facts;
  const { memoryBytes, pageSize } = config.guest;
  const blackoutNs = mostOf(sides, plan, GAP_NS);
  const manager = managerCounts(sides, plan);
  const faults = mergeFaults(facts.faults);
  const warnings = endedTraces(config, plan, sides, source.endNs - facts.startedNs);
  return {
    source,
    link: linkFacts(config),
    ...(config.migration.around ? { around: aroundNs(config.migration.around) } : {}),
    ...(destination ? { destination } : {}),
    guest: {
      pages: memoryBytes / pageSize,
      pageSize,
      ...(rates ? { achievedRate: rates } : {}),
      timeline: facts.timeline,
      ...(blackoutNs > 0 ? { blackoutNs } : {}),
      ...(faults ? { faults } : {}),
      rings: facts.rings,
      ...(warnings.length > 0 ? { warnings } : {}),
      ...(manager ? { manager } : {}),
      startedNs: facts.startedNs,
      endedNs: facts.endedNs,
    },
  };
}
