import type { PolicyAction, PolicyStatistics } from '../policy.ts';

/** What a policy that judges by the round under way knows of it. */
export interface RoundState {
  readonly startMs: number;
  readonly startBytes: number;
}

export interface RoundFacts {
  readonly roundMs: number;
  readonly sentBytes: number;
  readonly dirtiedBytes: number;
  /** What the rest would take at the round's rate. */
  readonly expectedDowntimeMs: number;
}

export function factsOf(state: RoundState, now: PolicyStatistics): RoundFacts {
  const roundMs = now.nowMs - state.startMs;
  const sentBytes = now.transferredBytes - state.startBytes;
  const pendingBytes = now.pendingPages * now.pageSize;
  return {
    roundMs,
    sentBytes,
    dirtiedBytes: now.dirtiedPages * now.pageSize,
    expectedDowntimeMs:
      pendingBytes === 0 ? 0 : sentBytes > 0 ? (pendingBytes * roundMs) / sentBytes : Infinity,
  };
}

export const ROUND_START: RoundState = { startMs: 0, startBytes: 0 };

export const continued = <State>(state: State): { state: State; actions: PolicyAction[] } => ({
  state,
  actions: [{ kind: 'continue' }],
});
