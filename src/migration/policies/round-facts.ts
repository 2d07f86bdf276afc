import type { PolicyAction, PolicyStatistics } from '../policy.ts';

/** The state of a policy that judges by the present round: when the round began and the bytes sent by then. */
export interface RoundState {
  readonly startMs: number;
  readonly startBytes: number;
}

/** The figures of the round that a harvest has ended. */
export interface RoundFacts {
  readonly roundMs: number;
  readonly sentBytes: number;
  readonly dirtiedBytes: number;
  /** How long sending the rest would take at the round's rate; Infinity if the round sent nothing. */
  readonly expectedDowntimeMs: number;
}

/** Returns the figures of the round that began with `state`. */
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

/** The state at the migration's start. */
export const ROUND_START: RoundState = { startMs: 0, startBytes: 0 };

/** Returns the decision to go on sending. */
export const keepSending = <State>(state: State): { state: State; actions: PolicyAction[] } => ({
  state,
  actions: [{ kind: 'continue' }],
});
