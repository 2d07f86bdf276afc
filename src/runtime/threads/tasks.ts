import type { GuestPlan } from '../../guest/stream-plan.ts';
import type { VcpuState } from '../../guest/vcpu-state.ts';
import type { SharedRing } from '../../link/ring.ts';
import type { Contents } from '../../memory/contents/contents.ts';
import type { DestinationReport } from '../../migration/destination.ts';
import type { SourceReport } from '../../migration/source.ts';
import type { RunConfig } from '../config.ts';
import type { SharedHost } from './host.ts';

/** What the pool's workers are asked to do, and what they answer. The names are those of worker.ts. */
export interface Tasks {
  readonly fill: [FillTask, void];
  readonly prefault: [RangeTask, void];
  readonly vcpu: [VcpuTask, void];
  readonly source: [EngineTask, { report: SourceReport; state: readonly VcpuState[] | undefined }];
  readonly destination: [
    EngineTask,
    { report: DestinationReport; state: readonly VcpuState[] | undefined },
  ];
  readonly replay: [ReplayTask, void];
  readonly compare: [CompareTask, CompareResult];
}

export interface RangeTask {
  readonly host: SharedHost;
  readonly firstGfn: number;
  readonly pages: number;
}

export interface FillTask extends RangeTask {
  readonly contents: readonly Contents[];
  readonly seed: number;
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

export interface EngineTask extends RunTask {
  readonly outgoing: SharedRing;
  readonly incoming: SharedRing;
  readonly peerHandshake: SharedArrayBuffer;
  readonly link: RunConfig['link'];
  readonly migration: RunConfig['migration'];
}

export interface ReplayTask {
  readonly host: SharedHost;
  readonly streams: readonly { readonly stream: number; readonly targetN: number }[];
  readonly list: number;
  readonly kernels: 'wasm' | 'twin';
}

export interface CompareTask {
  readonly expected: SharedHost;
  readonly found: SharedHost;
  readonly firstGfn: number;
  readonly pages: number;
}

export interface CompareResult {
  readonly differingPages: number;
  readonly firstGfn?: number;
}
