import type { GuestPlan } from '../../guest/stream-plan.ts';
import type { VcpuState } from '../../guest/vcpu-state.ts';
import type { SharedNetwork } from '../../link/network.ts';
import type { SharedLine } from '../../link/line.ts';
import type { SharedRing } from '../../link/ring.ts';
import type { DirtyRateOptions, DirtyRateReport } from '../../migration/dirty-rate.ts';
import type { DestinationReport } from '../../migration/destination.ts';
import type { SourceReport } from '../../migration/source.ts';
import type { RunConfig } from '../config.ts';
import type { VcpuEnd } from '../../guest/vcpu.ts';
import type { RingCounts } from '../../memory/dirty-logs/dirty-log.ts';
import type { SharedGuestSide } from '../common/guest-side.ts';
import type { Work } from '../common/work.ts';

/** What the pool's workers are asked to do, and what they answer. The names are those of worker.ts. */
export interface Tasks extends Work {
  readonly vcpu: [VcpuTask, VcpuEnd];
  readonly source: [EngineTask, SourceEnd];
  readonly destination: [
    EngineTask,
    { report: DestinationReport; state: readonly VcpuState[] | undefined },
  ];
  readonly dirtyRate: [DirtyRateTask, DirtyRateReport];
}

export interface SourceEnd {
  readonly report: SourceReport;
  readonly state: readonly VcpuState[] | undefined;
  /** What the rings of its log have seen, by vCPU. */
  readonly rings: readonly RingCounts[];
}

interface RunTask {
  readonly guestSide: SharedGuestSide;
  readonly plan: GuestPlan;
  readonly clockOrigin: bigint;
  readonly runWords: SharedArrayBuffer;
}

export interface VcpuTask extends RunTask {
  readonly vcpu: number;
}

export interface DirtyRateTask extends RunTask {
  readonly options: DirtyRateOptions;
}

export interface EngineTask extends RunTask {
  readonly outgoing: SharedRing;
  readonly incoming: SharedRing;
  readonly line: SharedLine;
  readonly peerHandshake: SharedArrayBuffer;
  /** Links that it shares with others; the run's words say which flow is its own. */
  readonly network?: SharedNetwork;
  readonly link: RunConfig['link'];
  readonly migration: RunConfig['migration'];
}

/** Threads that a run occupies: an engine and the vCPUs on either side. */
export function threadsOf(config: RunConfig): number {
  return 2 + 2 * config.guest.vcpus;
}
