import { describe, expect, it } from 'vitest';
import {
  plainAccounting,
  qemuAccounting,
  type QemuVersion,
} from '../../src/migration/accounting.ts';
import { clarkBursts, qemuWindow, type SendLimiter } from '../../src/migration/limiters.ts';
import {
  AUTO_CONVERGE_DEFAULTS,
  AUTO_CONVERGE_START,
  autoConverge,
  type AutoConvergeOptions,
} from '../../src/migration/policies/auto-converge.ts';
import { CLARK_RATES, clarkPolicy } from '../../src/migration/policies/clark2005.ts';
import { type QemuOptions, qemuPolicy } from '../../src/migration/policies/qemu.ts';
import { cloudHypervisorPolicy } from '../../src/migration/policies/cloud-hypervisor.ts';
import { sdpsPolicy } from '../../src/migration/policies/sdps.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import { xenPolicy } from '../../src/migration/policies/xen.ts';
import type { Policy, PolicyStatistics } from '../../src/migration/policy.ts';
import { START } from '../support/policy-steps.ts';
import { tallyOf } from '../support/tally.ts';

/** The way on that a policy gives for each of a sequence of statistics. */
function ways<State>(policy: Policy<State>, steps: readonly Partial<PolicyStatistics>[]): string[] {
  let state = policy.initial;
  return steps.map((step) => {
    const decision = policy.decide(state, { ...START, ...step });
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
  const qemu = (version: QemuVersion = '7.2', more: Partial<QemuOptions> = {}) =>
    qemuPolicy({ version, downtimeLimitMs: 300, ...more });
  // The window of 100 ms brought 10 MB: 100 MB/s and 300 ms are 30 MB, 7 324.2 pages.
  const window = { event: 'window', nowMs: 100, accountedBytes: 10 * MB } as const;
  const synced = { ...window, event: 'synced' } as const;

  it('looks only between chunks: when the budget is spent, after 50 ms, when none is left', () => {
    const given = ways(qemu(), [
      { event: 'start', pendingPages: 9000 },
      { pendingPages: 8000, sentPages: 64, nowMs: 50 },
      { pendingPages: 8000, sentPages: 100, nowMs: 51 },
      // Nothing of a window has been measured: the threshold is 0, and only an empty set ends it.
      { pendingPages: 1, sentPages: 128, nowMs: 52 },
      { pendingPages: 0, sentPages: 129, nowMs: 53 },
    ]);
    expect(given).toEqual(['continue', 'continue', 'continue', 'continue', 'switchover']);
  });

  it('harvests when less than the threshold is left, not when the pass has drained', () => {
    expect(ways(qemu(), [{ ...window, pendingPages: 7325 }])).toEqual(['continue']);
    const given = ways(qemu(), [
      { ...window, pendingPages: 7324 },
      { ...synced, pendingPages: 7325 },
    ]);
    expect(given).toEqual(['sync', 'continue']);
    expect(
      ways(qemu(), [
        { ...window, pendingPages: 1 },
        { ...synced, pendingPages: 7324 },
      ]),
    ).toEqual(['sync', 'switchover']);
  });

  it('compares strictly', () => {
    // Exactly 4096 pages of 4096 bytes: 16 777 216 bytes in 300 ms.
    const exact = { ...window, accountedBytes: 16_777_216 / 3 };
    expect(ways(qemu(), [{ ...exact, pendingPages: 4096 }])).toEqual(['continue']);
    expect(ways(qemu(), [{ ...exact, pendingPages: 4095 }])).toEqual(['sync']);
  });

  it('takes the bandwidth of one window, unsmoothed', () => {
    const given = ways(qemu(), [
      { ...window, pendingPages: 9000 },
      // A slow window shrinks the threshold: 1 MB in 100 ms allows 3 MB.
      { ...window, nowMs: 200, accountedBytes: 11 * MB, pendingPages: 1000 },
      { ...window, nowMs: 300, accountedBytes: 51 * MB, pendingPages: 9000 },
    ]);
    expect(given).toEqual(['continue', 'continue', 'sync']);
  });

  it('takes what it is told to assume instead of the measured bandwidth', () => {
    const policy = qemu('10', { availSwitchoverBytesPerSecond: 1000 * MB });
    expect(ways(policy, [{ ...window, pendingPages: 70_000 }])).toEqual(['sync']);
  });

  it('sleeps out a window whose budget is spent, and then begins another', () => {
    const policy = qemu();
    const spent = { ...START, pendingPages: 9000, isHeldBack: true, nowMs: 20, sentPages: 2437 };
    const chunk = policy.decide(policy.initial, spent);
    expect(chunk.actions).toEqual([{ kind: 'chunk' }, { kind: 'continue' }]);
    const over = policy.decide(chunk.state, { ...spent, ...window });
    expect(over.actions).toEqual([{ kind: 'renew' }, { kind: 'continue' }]);
  });

  it('asks for post-copy after its rounds, at the next look, unless little is left', () => {
    const policy = qemu('7.2', { postcopyAfter: { rounds: 1, pollMs: 50 } });
    const second = { ...synced, nowMs: 110, syncs: 2, pendingPages: 9000 };
    const later = { ...window, nowMs: 210, accountedBytes: 20 * MB, syncs: 2 };
    const steps = [{ ...window, pendingPages: 7000 }, second];
    expect(ways(policy, [...steps, { ...later, pendingPages: 9000 }])).toEqual([
      'sync',
      'continue',
      'postcopy',
    ]);
    expect(ways(policy, [...steps, { ...later, pendingPages: 10 }])).toEqual([
      'sync',
      'continue',
      'sync',
    ]);
  });

  it('10: with auto-converge forces a sync when there was none for 5 s after the first pass', () => {
    const policy = qemu('10', { autoConverge: AUTO_CONVERGE_DEFAULTS });
    const batch = { pendingPages: 9000, sentPages: 1 };
    const steps = [
      { ...batch, nowMs: 5001, syncs: 2 },
      { ...batch, nowMs: 10_001, syncs: 2 },
      { ...synced, nowMs: 10_002, syncs: 3, pendingPages: 1 },
    ];
    expect(ways(policy, steps)).toEqual(['continue', 'sync', 'continue']);
    expect(ways(qemu('7.2'), steps.slice(0, 2))).toEqual(['continue', 'continue']);
  });
});

describe('auto-converge', () => {
  const steps = (options: Partial<AutoConvergeOptions>, dirtied: readonly number[]): number[] => {
    let state = AUTO_CONVERGE_START;
    // A sync every 1.1 s, 100 MB sent in each period.
    return dirtied.map((dirtiedPages, i) => {
      const sync = { nowMs: 1100 * (i + 1), bytes: 1e8 * (i + 1), dirtiedPages, pageSize: 4096 };
      state = autoConverge(state, sync, { ...AUTO_CONVERGE_DEFAULTS, ...options });
      return state.throttle;
    });
  };
  const high = 20_000;

  it('steps at every second high period: 20 %, then 10 % more', () => {
    expect(steps({}, [high, high, high, high, high, high])).toEqual([0, 0.2, 0.2, 0.3, 0.3, 0.4]);
  });

  it('is triggered by more than half of what was sent, and no good period clears the count', () => {
    const half = 5e7 / 4096;
    expect(steps({}, [Math.floor(half), Math.floor(half)])).toEqual([0, 0]);
    expect(steps({}, [high, 0, high])).toEqual([0, 0, 0.2]);
  });

  it('stops at its cap', () => {
    const given = steps({ max: 0.35 }, Array<number>(10).fill(high));
    expect(given.at(-1)).toBe(0.35);
  });

  it('takes smaller steps near the end when told to', () => {
    // 13 000 pages dirtied, 12 207 allowed: 6 % of the vCPU's 80 % is enough.
    const given = steps({ tailSlow: true }, [high, high, 13_000, 13_000]);
    expect(given.at(-1)).toBeCloseTo(0.25, 5);
  });

  it('does not look more often than once a second', () => {
    const early = { nowMs: 1000, bytes: 1e8, dirtiedPages: high, pageSize: 4096 };
    const state = autoConverge(AUTO_CONVERGE_START, early, AUTO_CONVERGE_DEFAULTS);
    expect(state).toMatchObject({ dirtiedPages: high, high: 0 });
  });
});

describe('policy xen', () => {
  it('sends five live rounds, or one more once fewer than 50 pages are dirty', () => {
    const drained = { pendingPages: 0 };
    expect(ways(xenPolicy, [{ ...drained, round: 4 }])).toEqual(['sync']);
    expect(ways(xenPolicy, [{ ...drained, round: 5 }])).toEqual(['switchover']);
    const few = [
      { event: 'synced', pendingPages: 49, round: 2 } as const,
      { ...drained, round: 2 },
    ];
    expect(ways(xenPolicy, few)).toEqual(['continue', 'switchover']);
    expect(ways(xenPolicy, [{ ...few[0]!, pendingPages: 50 }, few[1]!])).toEqual([
      'continue',
      'sync',
    ]);
  });
});

describe('policy clark2005', () => {
  const policy = clarkPolicy({ pages: 10_000, ...CLARK_RATES });
  const drained = { pendingPages: 0 };

  it('begins at its start rate and follows the dirty rate, 50 Mbit/s above, never lower', () => {
    const start = policy.decide(policy.initial, { ...START, event: 'start' });
    expect(start.actions[0]).toEqual({ kind: 'limit', bytesPerSecond: (100 * 2 ** 20) / 8 });
    const rateAfter = (dirtiedPages: number, roundMs: number): number => {
      const sync = { ...START, event: 'synced', nowMs: roundMs, dirtiedPages } as const;
      return policy.decide(policy.initial, sync).state.rateMbit;
    };
    // 5000 pages in a second are 163.84 Mbit/s.
    expect(rateAfter(5000, 1000)).toBe(213);
    expect(rateAfter(1000, 1000)).toBe(100);
    expect(rateAfter(50_000, 1000)).toBe(500);
  });

  it.each([
    ['few pages were to be sent', {}, { sentPages: 40, skippedPages: 9 }],
    ['29 rounds', {}, { round: 29, sentPages: 9000 }],
    ['three times the guest', { sentBefore: 29_000 }, { sentPages: 30_001 }],
    ['a round at full rate that sent more', { rateMbit: 500, sentLast: 80 }, { sentPages: 81 }],
  ])('stops: %s', (_, state, now) => {
    const decision = policy.decide(
      { ...policy.initial, ...state },
      { ...START, ...drained, ...now },
    );
    expect(decision.actions).toEqual([{ kind: 'switchover' }]);
  });

  it.each([
    ['50 pages and skips', {}, { sentPages: 40, skippedPages: 10 }],
    ['more, but below full rate', { rateMbit: 499, sentLast: 80 }, { sentPages: 81 }],
    ['less at full rate', { rateMbit: 500, sentLast: 80 }, { sentPages: 79 }],
  ])('goes on: %s', (_, state, now) => {
    const decision = policy.decide(
      { ...policy.initial, ...state },
      { ...START, ...drained, ...now },
    );
    expect(decision.actions).toEqual([{ kind: 'sync' }]);
  });
});

describe('policies cloud-hypervisor and sdps', () => {
  // 10 MB in 100 ms: 2441 pages take 100 ms.
  const synced = { event: 'synced', nowMs: 100, transferredBytes: 1e7 } as const;
  const goal = { downtimeMs: 100, timeoutMs: 3000, timeoutAction: 'cancel' } as const;

  it("stops when the rest fits into the goal at the last round's bandwidth", () => {
    const policy = cloudHypervisorPolicy(goal);
    expect(ways(policy, [{ pendingPages: 0 }])).toEqual(['sync']);
    expect(ways(policy, [{ ...synced, pendingPages: 2441 }])).toEqual(['switchover']);
    expect(ways(policy, [{ ...synced, pendingPages: 2442 }])).toEqual(['continue']);
  });

  it('is cancelled by its timeout, or ends with what it has', () => {
    const late = [{ nowMs: 3001, pendingPages: 9 }];
    expect(ways(cloudHypervisorPolicy(goal), late)).toEqual(['abort']);
    const ignoring = cloudHypervisorPolicy({ ...goal, timeoutAction: 'ignore' });
    expect(ways(ignoring, late)).toEqual(['switchover']);
  });

  it('sdps slows a guest that dirties faster than is sent, and lets it go again', () => {
    const policy = sdpsPolicy(100);
    const hot = { ...START, ...synced, pendingPages: 9000, dirtiedPages: 4883 };
    const slowed = policy.decide(policy.initial, hot);
    // 20 MB dirtied, 10 sent: a quarter of its speed dirties half of what is sent.
    expect(slowed.state.throttle).toBeCloseTo(0.75, 3);
    const cool = { ...hot, nowMs: 200, transferredBytes: 2e7, dirtiedPages: 100 };
    expect(policy.decide(slowed.state, cool).state.throttle).toBe(0);
  });
});

describe('limiters', () => {
  const sendAll = (limiter: SendLimiter): number => {
    let sent = 0;
    for (let most = limiter.mostPages(); most > 0; most = limiter.mostPages()) {
      const pages = Math.min(16, most);
      limiter.take(tallyOf({ raw: pages }));
      sent += pages;
    }
    return sent;
  };

  it('QEMU 7.2 sends 780 pages a window at 32 MB/s, 10.0 counts flushes and sends 800', () => {
    expect(sendAll(qemuWindow(32e6, qemuAccounting('7.2', 4096)))).toBe(780);
    expect(sendAll(qemuWindow(32e6, qemuAccounting('10', 4096)))).toBe(800);
  });

  it('sleeps out the window in whole milliseconds, and is not put off by looks', () => {
    const limiter = qemuWindow(32e6, qemuAccounting('7.2', 4096));
    limiter.renew(0.7e6);
    sendAll(limiter);
    expect(limiter.opensAtNs(17.4e6)).toBeCloseTo(100.4e6, 3);
    expect(limiter.opensAtNs(60e6)).toBeCloseTo(100.4e6, 3);
    limiter.renew(100.4e6);
    expect(limiter.mostPages()).toBeGreaterThan(0);
  });

  it("Clark's bursts are 100 KiB, as far apart as the rate wants", () => {
    const limiter = clarkBursts(plainAccounting(4096));
    limiter.setRate(1024 * 1024);
    expect(sendAll(limiter)).toBe(25);
    const slotNs = (100 / 1024) * 1e9;
    expect(limiter.opensAtNs(1)).toBeCloseTo(slotNs, 3);
  });

  it("what a slow sender leaves of Clark's bursts is kept for later", () => {
    const limiter = clarkBursts(plainAccounting(4096));
    limiter.setRate(1024 * 1024);
    const slotNs = (100 / 1024) * 1e9;
    const nowNs = 3 * slotNs;
    let sent = sendAll(limiter);
    while (limiter.opensAtNs(nowNs) <= nowNs) {
      limiter.renew(nowNs);
      sent += sendAll(limiter);
    }
    expect(sent).toBe(4 * 25);
  });
});
