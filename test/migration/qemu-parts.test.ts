import { describe, expect, it } from 'vitest';
import type {
  Manager,
  ManagerFacts,
  ManagerRequest,
} from '../../src/migration/policies/managers.ts';
import { actionsOf, answersOf, type PolicyStep } from '../support/policy-steps.ts';
import { qemu, synced, window } from '../support/qemu-steps.ts';

describe('the dirty limit under policy qemu', () => {
  const limited = qemu({ dirtyLimit: { quotaMiB: 100, periodMs: 1000, ringEntries: 4096 } });
  /** A harvest at which vCPU 0 has dirtied so many MiB so far. */
  const harvest = (nowMs: number, mebibytes: number, more: PolicyStep = {}): PolicyStep =>
    synced(nowMs, {
      dirtiedPages: 20_000,
      accountedBytes: nowMs,
      vcpuDirtiedPages: [mebibytes * 256, 0],
      ...more,
    });

  it('comes into force at the second period of much dirtying, and looks once a period', () => {
    const answers = answersOf(limited, [
      harvest(1100, 400),
      harvest(2200, 800),
      harvest(3199, 1200),
      harvest(3200, 1200),
      { nowMs: 3300, vcpuDirtiedPages: [1600 * 256, 0] },
    ]);
    expect(answers.map(({ actions }) => actions)).toEqual([
      ['continue'],
      ['continue'],
      ['continue'],
      // 400 MiB in a second fill a ring of 16 MiB in 40 ms; 75 % too much: 120 ms of sleep.
      ['throttle 0.75 0', 'continue'],
      ['continue'],
    ]);
    expect(answers.map(({ state }) => state.dirtyLimit?.sinceMs)).toEqual([
      undefined,
      2200,
      2200,
      3200,
      3200,
    ]);
  });

  it('stays as it is when much is dirtied again', () => {
    const answers = answersOf(
      limited,
      [1100, 2200, 3300, 4400].map((ms) => harvest(ms, ms)),
    );
    // The second time would begin at 4400, with no sleep.
    expect(answers[3]!.state.dirtyLimit).toMatchObject({ sinceMs: 4400, highestMiB: 1000 });
    expect(answers[3]!.state.dirtyLimit!.sleepUs[0]).toBeGreaterThan(0);
  });

  it('has no effect in post-copy, and none without counts by vCPU', () => {
    const late = [harvest(1100, 0), harvest(2200, 0), harvest(9999, 4000, { isPostcopy: true })];
    expect(actionsOf(limited, late)[2]).toEqual(['continue']);
    const { vcpuDirtiedPages: _, ...bare } = harvest(2200, 0);
    const [, answer] = answersOf(limited, [harvest(1100, 0), bare]);
    expect(answer!.state.dirtyLimit).toEqual({
      sinceMs: 2200,
      pages: [],
      sleepUs: [],
      highestMiB: 0,
    });
  });
});

describe('a manager of policy qemu', () => {
  const asked: ManagerFacts[] = [];
  /** A manager that asks for something whenever it is asked itself, and halves the limit. */
  const managed = (asks?: ManagerRequest, watchesPasses = false) => {
    asked.length = 0;
    const manager: Manager<number> = {
      name: 'one that halves',
      initial: 300,
      watchesPasses,
      step(limit, facts) {
        asked.push(facts);
        return { state: limit / 2, limitMs: limit / 2, ...(asks ? { asks } : {}) };
      },
    };
    return qemu({ manager });
  };

  it('is asked at the end of a window, and its limit holds from then on', () => {
    const policy = managed();
    const answers = answersOf(policy, [
      window(50, 1),
      window(100, 1),
      synced(150, { pendingPages: 149 }),
      window(200, 2),
    ]);
    expect(asked).toMatchObject(
      [100, 200].map((nowMs) => ({
        nowMs,
        remainingBytes: 9000 * 4096,
        bytesPerMs: 4096,
        isPassEnd: false,
      })),
    );
    const limits = answers.map(({ state }) => [
      state.manager,
      policy.downtimeLimitMs!(state),
      state.thresholdBytes / 4096,
    ]);
    expect(limits).toEqual([
      [300, 300, 0],
      [150, 150, 150],
      [150, 150, 150],
      [75, 75, 75],
    ]);
    expect(answers[2]!.actions).toEqual(['switchover']);
  });

  it('that watches passes is also asked at their end, where there is no bandwidth', () => {
    const [answer] = answersOf(managed(undefined, true), [synced(150)]);
    expect(asked).toMatchObject([
      { nowMs: 150, remainingBytes: 9000 * 4096, bytesPerMs: 0, isPassEnd: true },
    ]);
    expect(answer!.state.manager).toBe(150);
  });

  it.each([
    ['to suspend the guest', { kind: 'suspend' }, ['renew', 'continue', 'switchover']],
    ['to give up', { kind: 'abort', reason: 'why' }, ['renew', 'continue', 'abort why']],
    ['for post-copy', { kind: 'postcopy' }, ['renew', 'postcopy']],
  ] as const)('may ask %s, which is done at once and once', (_, asks, expected) => {
    const [first, second] = answersOf(managed(asks), [
      window(100, 1),
      window(150, 1, { isPostcopy: asks.kind === 'postcopy' }),
    ]);
    expect(first!.actions).toEqual(expected);
    expect(first!.state.wanted).toBeUndefined();
    expect(second!.actions).toEqual(['continue']);
  });

  it('may not stop a guest that has been stopped for post-copy', () => {
    const late = window(100, 1, { isPostcopy: true });
    for (const asks of [{ kind: 'suspend' }, { kind: 'abort', reason: 'why' }] as const) {
      expect(actionsOf(managed(asks), [late])).toEqual([['renew', 'continue']]);
    }
  });
});
