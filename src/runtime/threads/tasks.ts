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
import type { BalloonConfig } from '../../overcommit/balloon.ts';
import type { GuestGrant, OvercommitConfig } from '../../overcommit/config.ts';
import type { InitialContents } from '../../overcommit/page-contents.ts';
import type { MemoryState } from '../../overcommit/memory-state.ts';
import type { SharingCounts } from '../../overcommit/page-sharing.ts';
import type { PagingCounts } from '../../overcommit/paging.ts';
import type { RingCounts } from '../../memory/dirty-logs/dirty-log.ts';
import type { SharedGuestSide } from '../common/guest-side.ts';
import type { Work } from '../common/work.ts';
import type { SnapshotTasks } from './snapshot/tasks.ts';
import type { SharedPacing } from '../../link/shared-bucket.ts';
import type { SharedReceiverDesk } from './channels/receiver-desk.ts';
import type { SharedSenderDesk } from './channels/sender-desk.ts';
import type { ChannelTask } from './channels/workers.ts';
import type { ProtectedHostEnd, ProtectedHostTask } from './replication/tasks.ts';

/** The tasks of the pool's workers and their answers, under the names that worker.ts exports. */
export interface Tasks extends Work, SnapshotTasks {
  readonly vcpu: [VcpuTask, VcpuEnd];
  readonly source: [EngineTask, SourceEnd];
  readonly destination: [
    EngineTask,
    { report: DestinationReport; state: readonly VcpuState[] | undefined } & EngineCpu,
  ];
  readonly sendChannel: [ChannelTask, void];
  readonly receiveChannel: [ChannelTask, void];
  readonly dirtyRate: [DirtyRateTask, DirtyRateReport];
  readonly host: [HostTask, HostEnd];
  readonly protectedHost: [ProtectedHostTask, ProtectedHostEnd];
}

/** The CPU time that an engine took for its migration, in nanoseconds; absent where the kernel does not say. */
export interface EngineCpu {
  readonly cpuNs?: number;
}

export interface SourceEnd extends EngineCpu {
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
  /** What drives the guest's memory from another thread, if its host is overcommitted. */
  readonly host?: {
    /** The doorbell of the host's thread. */
    readonly doorbell: SharedArrayBuffer;
    readonly balloon?: BalloonConfig | undefined;
  };
  /** Whether the guest's engine saves protected pages before their first write, for copy-on-write. */
  readonly savesPages?: boolean;
}

/** The thread of an overcommitted host, which keeps its records. */
export interface HostTask {
  readonly config: OvercommitConfig;
  readonly guests: readonly HostedGuestTask[];
  readonly durationNs: number;
  readonly clockOrigin: bigint;
  readonly runWords: SharedArrayBuffer;
  readonly doorbell: SharedArrayBuffer;
}

/** A guest of an overcommitted host; all of its vCPUs are parked until the host lets it start. */
export interface HostedGuestTask {
  readonly guestSide: SharedGuestSide;
  readonly plan: GuestPlan;
  readonly grant: GuestGrant;
  /** What its memory holds at first. */
  readonly initial: InitialContents;
  readonly populate: 'contents' | 'all';
  readonly balloon?: BalloonConfig | undefined;
  readonly startNs: number;
  readonly stopNs?: number | undefined;
}

/** What an overcommitted host has done by its end. */
export interface HostEnd {
  /** A sentence for each of the host's records that contradicts another, at the end and when a guest left. */
  readonly problems: readonly string[];
  readonly sharing?: SharingCounts | undefined;
  /** How many machine pages sharing saved at the end. */
  readonly savedPages: number;
  readonly paging: PagingCounts;
  readonly readBytes: number;
  readonly writtenBytes: number;
  readonly states: readonly { readonly atNs: number; readonly state: MemoryState }[];
  /** How often the host has waited until no vCPU of a guest could be past its look at a gate, and how long at most. */
  readonly fences: number;
  readonly longestFenceNs: number;
  readonly endedNs: number;
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
  /** The channels beside the main one; absent if there are none. */
  readonly channels?: EngineChannels;
}

/** What an engine needs of its channels. */
export interface EngineChannels {
  readonly pacing: SharedPacing;
  readonly senders: readonly SharedSenderDesk[];
  readonly receivers: readonly SharedReceiverDesk[];
}

/** Returns how many threads a run occupies: an engine, the vCPUs and one end of each channel on either side. */
export function threadsOf(config: RunConfig): number {
  return 2 + 2 * config.guest.vcpus + 2 * (config.migration.channels ?? 0);
}
