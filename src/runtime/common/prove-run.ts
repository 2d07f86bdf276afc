import type { Clock } from '../../clock/clock.ts';
import type { FullPlan } from '../../guest/stream-plan.ts';
import type { VcpuState } from '../../guest/vcpu-state.ts';
import type { ZeroLog } from '../../guest/zeroing.ts';
import type { SourceReport } from '../../migration/source.ts';
import type { RunConfig } from '../config.ts';
import type { Proof } from '../report.ts';
import type { SharedGuestSide } from './guest-side.ts';
import type { FinalGuest } from './final-guest.ts';
import { GivenUpError } from './pieces.ts';
import { prove } from './proof.ts';
import type { WorkRunner } from './work.ts';

/** A run to be proved: its guest stands still on the side where it ended. */
export interface ProvenRun {
  readonly config: RunConfig;
  readonly plan: FullPlan;
  readonly sides: { readonly source: SharedGuestSide; readonly destination: SharedGuestSide };
  readonly report: SourceReport;
  readonly sentState: readonly VcpuState[] | undefined;
  readonly receivedState: readonly VcpuState[] | undefined;
  readonly zeroings: { readonly source: ZeroLog; readonly destination: ZeroLog };
  /** The guest where it has moved to, when that is in another process; `sides.destination` is not read then. */
  readonly moved?: FinalGuest;
}

/**
 * Proves a run. A guest that has moved is compared with a replay on the source's frozen memory, and one that has
 * stayed with a replay from its initial contents; `verify: full` replays from the initial contents in either case.
 * Returns undefined when `verify` is `off`, when the guest was lost, or when `signal` has the proof given up.
 */
export async function proveRun(
  run: ProvenRun,
  pool: WorkRunner,
  { clock, signal }: { readonly clock?: Clock; readonly signal?: AbortSignal | undefined } = {},
): Promise<Proof | undefined> {
  const { config, plan, sides, report } = run;
  if (config.verify === 'off' || report.guestLost) return undefined;
  const isMoved = report.outcome === 'completed';
  const proof = prove({
    config,
    plan,
    pool,
    ...(clock ? { clock } : {}),
    signal,
    final: isMoved ? (run.moved ?? sides.destination) : sides.source,
    canvas: isMoved ? sides.source : sides.destination,
    isFrozenSource: isMoved && config.verify === 'replay',
    sentState: run.sentState,
    receivedState: run.receivedState,
    zeroings: run.zeroings,
  });
  return proof.catch((error: unknown) => {
    if (error instanceof GivenUpError) return undefined;
    throw error;
  });
}
