import { describe, expect, it } from 'vitest';
import { qemuPolicy } from '../../src/migration/policies/qemu.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import type { Policy, PolicyStatistics } from '../../src/migration/policy.ts';

const base: PolicyStatistics = {
  event: 'batch',
  nowMs: 0,
  round: 1,
  pendingPages: 100,
  pageSize: 4096,
  transferredBytes: 0,
  dirtiedPages: 0,
};

/** The way on that a policy gives for each of a sequence of statistics. */
function ways<State>(policy: Policy<State>, steps: readonly Partial<PolicyStatistics>[]): string[] {
  let state = policy.initial;
  return steps.map((step) => {
    const decision = policy.decide(state, { ...base, ...step });
    state = decision.state;
    return decision.actions.at(-1)!.kind;
  });
}

describe('policy rounds', () => {
  it('sends while something is pending, then harvests, and stops after its rounds', () => {
    const given = ways(roundsPolicy(2), [
      { event: 'start', pendingPages: 10 },
      { pendingPages: 5 },
      { pendingPages: 0, round: 1 },
      { event: 'synced', pendingPages: 7, round: 1 },
      { pendingPages: 0, round: 2 },
    ]);
    expect(given).toEqual(['continue', 'continue', 'sync', 'continue', 'switchover']);
  });

  it('stops early when a harvest finds nothing', () => {
    expect(ways(roundsPolicy(9), [{ event: 'synced', pendingPages: 0 }])).toEqual(['switchover']);
  });
});

describe('policy qemu', () => {
  const MB = 1e6;
  // 100 MB/s and 300 ms: a threshold of 30 MB, 7 324.2 pages.
  const window = { nowMs: 100, transferredBytes: 10 * MB };

  it('has threshold 0 for the first 100 ms: only an empty set triggers', () => {
    const given = ways(qemuPolicy(300), [
      { nowMs: 99, transferredBytes: 10 * MB, pendingPages: 1 },
      { nowMs: 99, transferredBytes: 10 * MB, pendingPages: 0 },
    ]);
    expect(given).toEqual(['continue', 'sync']);
  });

  it('harvests when less than the threshold is left, not when the pass has drained', () => {
    const given = ways(qemuPolicy(300), [
      { ...window, pendingPages: 7325 },
      { ...window, pendingPages: 7324 },
      { ...window, event: 'synced', pendingPages: 7325 },
      { ...window, event: 'synced', pendingPages: 7324 },
    ]);
    expect(given).toEqual(['continue', 'sync', 'continue', 'switchover']);
  });

  it('compares strictly', () => {
    // Exactly 4096 pages of 4096 bytes: 16 777 216 bytes in 300 ms.
    const exact = { nowMs: 100, transferredBytes: 16_777_216 / 3, pendingPages: 4096 };
    expect(ways(qemuPolicy(300), [exact])).toEqual(['continue']);
    expect(ways(qemuPolicy(300), [{ ...exact, pendingPages: 4095 }])).toEqual(['sync']);
  });

  it('takes the bandwidth of one window, unsmoothed', () => {
    const given = ways(qemuPolicy(300), [
      { nowMs: 100, transferredBytes: 10 * MB, pendingPages: 9000 },
      // A slow window shrinks the threshold: 1 MB in 100 ms allows 3 MB.
      { nowMs: 200, transferredBytes: 11 * MB, pendingPages: 1000 },
      { nowMs: 250, transferredBytes: 50 * MB, pendingPages: 1000 },
      { nowMs: 300, transferredBytes: 51 * MB, pendingPages: 9000 },
    ]);
    expect(given).toEqual(['continue', 'continue', 'continue', 'sync']);
  });
});
