import type { GuestPlan } from '../../guest/stream-plan.ts';
import type { VcpuState } from '../../guest/vcpu-state.ts';
import type { SharedRing } from '../../link/ring.ts';
import type { Contents } from '../../memory/contents/contents.ts';
import type { DirtyRateOptions, DirtyRateReport } from '../../migration/dirty-rate.ts';
import type { DestinationReport } from '../../migration/destination.ts';
import type { SourceReport } from '../../migration/source.ts';
import type { RunConfig } from '../config.ts';
import type { FaultLog } from '../../guest/faults.ts';
import type { RingCounts } from '../../memory/dirty-logs/dirty-log.ts';
import type { SharedHost } from './host.ts';
import type { SlotPages } from './ranges.ts';

/** What the pool's workers are asked to do, and what they answer. The names are those of worker.ts. */
export interface Tasks {
  readonly fill: [FillTask, void];
  readonly load: [LoadTask, string | undefined];
  readonly prefault: [RangeTask, void];
  readonly vcpu: [VcpuTask, FaultLog | undefined];
  readonly source: [EngineTask, SourceEnd];
  readonly destination: [
    EngineTask,
    { report: DestinationReport; state: readonly VcpuState[] | undefined },
  ];
  readonly dirtyRate: [DirtyRateTask, DirtyRateReport];
  readonly replay: [ReplayTask, void];
  readonly compare: [CompareTask, CompareResult];
}

export interface SourceEnd {
  readonly report: SourceReport;
  readonly state: readonly VcpuState[] | undefined;
  /** What the rings of its log have seen, by vCPU. */
  readonly rings: readonly RingCounts[];
}

export interface RangeTask extends SlotPages {
  readonly host: SharedHost;
}

export interface FillTask extends RangeTask {
  readonly contents: readonly Contents[];
  readonly seed: number;
}

/** Reads the image of one entry; the answer is what is wrong with it. */
export interface LoadTask {
  readonly host: SharedHost;
  readonly contents: readonly Contents[];
  readonly entry: number;
}

interface RunTask {
  readonly host: SharedHost;
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
  readonly peerHandshake: SharedArrayBuffer;
  readonly link: RunConfig['link'];
  readonly migration: RunConfig['migration'];
}

export interface ReplayTask {
  readonly host: SharedHost;
  readonly plan: GuestPlan;
  readonly streams: readonly { readonly stream: number; readonly targetN: number }[];
  readonly list: number;
  readonly kernels: 'wasm' | 'twin';
}

export interface CompareTask extends SlotPages {
  readonly expected: SharedHost;
  readonly found: SharedHost;
}

export interface CompareResult {
  readonly differingPages: number;
  /** Of the guest. */
  readonly firstGfn?: number;
}
