import { describe, expect, it } from 'vitest';
import { plainAccounting, qemuAccounting } from '../../src/migration/accounting.ts';
import { clarkBursts, qemuWindow } from '../../src/migration/limiters.ts';
import { AUTO_CONVERGE_DEFAULTS } from '../../src/migration/policies/auto-converge.ts';
import { CLARK_RATES, clarkPolicy } from '../../src/migration/policies/clark2005.ts';
import { dirtyLimit, startDirtyLimit } from '../../src/migration/policies/dirty-limit.ts';
import { forceAfter } from '../../src/migration/policies/force-after.ts';
import { qemuPolicy } from '../../src/migration/policies/qemu.ts';
import { sdpsPolicy } from '../../src/migration/policies/sdps.ts';
import type { Policy, PolicyStatistics } from '../../src/migration/policy.ts';
import { precopySource } from '../../src/migration/precopy.ts';
import { FakeWorld } from '../support/fake-world.ts';
import { tallyOf } from '../support/tally.ts';
import { START } from '../support/policy-steps.ts';

/** A migration that has just begun and has nothing left to send. */
const base: PolicyStatistics = { ...START, pendingPages: 0 };

describe('a window of QEMU', () => {
  it('that is used up to the byte lets one more page out, and then none', () => {
    const limiter = qemuWindow(1e6, { ...plainAccounting(1000), flushPages: 1 });
    expect(limiter.mostPages()).toBe(101);
    limiter.take(tallyOf({ raw: 100 }, 1000));
    expect(limiter.mostPages()).toBe(1);
    limiter.take(tallyOf({ raw: 1 }, 1000));
    expect(limiter.mostPages()).toBe(0);
    limiter.renew(0);
    expect(limiter.mostPages()).toBe(101);
  });

  it('counts a head for each of the 4 KiB pages that a large page is made of', () => {
    expect(qemuAccounting('10', 2 ** 21).pageBytes).toBe(512 * (8 + 4096));
  });
});

describe("Clark's bursts", () => {
  it('make up for a burst that was too long with a shorter one', () => {
    const limiter = clarkBursts(plainAccounting(4096));
    limiter.setRate(1e6);
    expect(limiter.mostPages()).toBe(25);
    limiter.take(tallyOf({ raw: 30 }, 4096));
    expect(limiter.mostPages()).toBe(0);
    limiter.renew(0);
    expect(limiter.mostPages()).toBe(20);
  });
});

describe("Clark's policy", () => {
  it('goes on until more than three times the guest has been sent', () => {
    const policy = clarkPolicy({ pages: 1000, ...CLARK_RATES, isAdaptive: false });
    const wayAfter = (sentPages: number): string => {
      const state = { ...policy.initial, sentBefore: sentPages - 100 };
      return policy.decide(state, { ...base, round: 5, sentPages }).actions.at(-1)!.kind;
    };
    expect([1001, 2900, 3000].map(wayAfter)).toEqual(['sync', 'sync', 'sync']);
    expect(wayAfter(3001)).toBe('switchover');
  });
});

describe('the dirty limit of QEMU', () => {
  it('measures rates over periods of less than a second', () => {
    const options = { quotaMiB: 50, periodMs: 500, ringEntries: 4096 };
    const before = startDirtyLimit(0, [0, 0]);
    // vCPU 0 dirties 100 MiB in half a second, vCPU 1 as much as it may.
    const now = { nowMs: 500, pages: [100 * 256, 25 * 256] };
    expect(dirtyLimit(before, { ...now, nowMs: 499 }, options)).toEqual({
      state: before,
      actions: [],
    });
    const { state, actions } = dirtyLimit(before, now, options);
    // A ring fills in 16 MiB ÷ 200 MiB/s; the rate is 75 % above the quota, so the sleep is three times that.
    expect(state).toMatchObject({ highestMiB: 200, sleepUs: [240_000, 0], sinceMs: 500 });
    expect(actions).toEqual([{ kind: 'throttle', share: 0.75, vcpu: 0 }]);
  });
});

describe('stun during page send', () => {
  it('judges the guest by what it would dirty without its throttle', () => {
    const policy = sdpsPolicy(1);
    const synced = { ...base, event: 'synced' as const, nowMs: 100, pendingPages: 60 };
    const facts = { ...synced, transferredBytes: 100 * 4096, dirtiedPages: 60 };
    const { state } = policy.decide({ startMs: 0, startBytes: 0, throttle: 0.5 }, facts);
    expect(state.throttle).toBeCloseTo(1 - 50 / 120, 10);
  });
});

describe('a policy that is forced to an end', () => {
  const inner: Policy<null> = {
    name: 'inner',
    skipsRedirtied: false,
    initial: null,
    decide: (state) => ({
      state,
      actions: [{ kind: 'throttle', share: 0.3 }, { kind: 'renew' }, { kind: 'sync' }],
    }),
  };
  const kinds = (now: Partial<PolicyStatistics>): string[] => {
    const policy = forceAfter(inner, { afterMs: 1000, action: 'postcopy' });
    return policy.decide(null, { ...base, ...now }).actions.map(({ kind }) => kind);
  };

  it('keeps the actions that do not say how to go on', () => {
    expect(kinds({ nowMs: 999 })).toEqual(['throttle', 'renew', 'sync']);
    expect(kinds({ nowMs: 1000 })).toEqual(['throttle', 'renew', 'postcopy']);
  });

  it('decides for itself once the guest is stopped or runs at the destination', () => {
    expect(kinds({ nowMs: 2000, event: 'stopped' })).toEqual(['throttle', 'renew', 'sync']);
    expect(kinds({ nowMs: 2000, isPostcopy: true })).toEqual(['throttle', 'renew', 'sync']);
  });
});

describe('a sync that the timer of auto-converge has forced', () => {
  it('does not end the rounds, however little is left', () => {
    const policy = qemuPolicy({
      version: '10',
      downtimeLimitMs: 300,
      autoConverge: AUTO_CONVERGE_DEFAULTS,
    });
    const state = { ...policy.initial, thresholdBytes: 1e9, isForced: true };
    const synced = { ...base, event: 'synced' as const, pendingPages: 3, nowMs: 6000, syncs: 3 };
    const forced = policy.decide(state, synced);
    expect(forced.actions.at(-1)).toEqual({ kind: 'continue' });
    expect(forced.state.isForced).toBe(false);
    const own = policy.decide({ ...state, isForced: false }, synced);
    expect(own.actions.at(-1)).toEqual({ kind: 'switchover' });
  });
});

describe('several answers of a policy on how to go on', () => {
  it('leave the last one to count', () => {
    const policy: Policy<number> = {
      name: 'undecided',
      skipsRedirtied: false,
      initial: 0,
      decide: (step) => ({
        state: step + 1,
        actions: step === 0 ? [{ kind: 'sync' }, { kind: 'switchover' }] : [{ kind: 'switchover' }],
      }),
    };
    const world = new FakeWorld({ pages: 64 });
    const { source } = world.play(precopySource(world.side, policy));
    // One sync at the start and one in the pause; the other was overruled.
    expect(source).toMatchObject({ outcome: 'completed', dirtySyncCount: 2 });
  });
});
