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

/** The tasks of the pool's workers and their answers, under the names that worker.ts exports. */
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
  /** What the ring of each vCPU counted; it is empty unless the dirty log is `ring`. */
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
  /** The links that the run shares with other runs; the run's words say which flow is its own. */
  readonly network?: SharedNetwork;
  readonly link: RunConfig['link'];
  readonly migration: RunConfig['migration'];
  /** The devices of the guest; absent if it has none. */
  readonly devices?: RunConfig['guest']['devices'];
}

/** Returns how many threads a run occupies: an engine and the vCPUs on either side. */
export function threadsOf(config: RunConfig): number {
  return 2 + 2 * config.guest.vcpus;
}
