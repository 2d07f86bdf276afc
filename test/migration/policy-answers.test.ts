import { describe, expect, it } from 'vitest';
import { clarkPolicy, CLARK_RATES } from '../../src/migration/policies/clark2005.ts';
import { cloudHypervisorPolicy } from '../../src/migration/policies/cloud-hypervisor.ts';
import { forceAfter } from '../../src/migration/policies/force-after.ts';
import { postcopyAfter } from '../../src/migration/policies/postcopy-after.ts';
import { qemuPolicy } from '../../src/migration/policies/qemu.ts';
import { factsOf } from '../../src/migration/policies/round-facts.ts';
import { roundsPolicy } from '../../src/migration/policies/rounds.ts';
import { sdpsPolicy } from '../../src/migration/policies/sdps.ts';
import { withDecide } from '../../src/migration/policies/with-decide.ts';
import { xenPolicy } from '../../src/migration/policies/xen.ts';
import type { Policy } from '../../src/migration/policy.ts';
import { actionsOf, answersOf, type PolicyStep } from '../support/policy-steps.ts';

const QEMU = { version: '10', downtimeLimitMs: 300 } as const;
const GOAL = { downtimeMs: 100, timeoutMs: 3000, timeoutAction: 'cancel' } as const;
const clark = (more: object = {}) => clarkPolicy({ pages: 10_000, ...CLARK_RATES, ...more });

const POLICIES: readonly (readonly [Policy, object])[] = [
  [roundsPolicy(3), { name: 'rounds', skips: true }],
  [roundsPolicy(3, false), { name: 'rounds' }],
  [xenPolicy, { name: 'xen' }],
  [clark(), { name: 'clark2005', skips: true, keeps: true }],
  [clark({ isAdaptive: false }), { name: 'xen3', skips: true, keeps: true }],
  [cloudHypervisorPolicy(GOAL), { name: 'cloud-hypervisor', aimMs: 100 }],
  [sdpsPolicy(70), { name: 'sdps', aimMs: 70 }],
  [qemuPolicy(QEMU), { name: 'qemu', aimMs: 300 }],
];

describe('what a policy says of itself', () => {
  it.each(POLICIES)('%o', (policy, expected) => {
    const { name, skipsRedirtied, keepsLimit, downtimeLimitMs } = policy;
    expect({
      name,
      ...(skipsRedirtied ? { skips: true } : {}),
      ...(keepsLimit ? { keeps: true } : {}),
      ...(downtimeLimitMs ? { aimMs: policy.downtimeLimitMs!(policy.initial) } : {}),
    }).toEqual(expected);
  });

  it('holds for one that decides otherwise, whose aim follows its state', () => {
    const inner = qemuPolicy(QEMU);
    const outer = withDecide(inner, inner.decide);
    expect(outer.downtimeLimitMs!({ ...inner.initial, limitMs: 150 })).toBe(150);
    expect({ name: outer.name, keeps: outer.keepsLimit }).toEqual({ name: 'qemu', keeps: false });
    expect(withDecide(roundsPolicy(3), () => ({ state: null, actions: [] })).skipsRedirtied).toBe(
      true,
    );
    expect(postcopyAfter(xenPolicy, 2).name).toBe('xen, post-copy after 2');
    expect('downtimeLimitMs' in withDecide(xenPolicy, xenPolicy.decide)).toBe(false);
  });
});

describe('once the guest is stopped', () => {
  const stopped = { event: 'stopped', pendingPages: 0, nowMs: 9000, round: 40 } as const;

  it.each(POLICIES.filter(([{ keepsLimit }]) => !keepsLimit))('nothing is asked: %o', (policy) => {
    expect(answersOf(policy, [stopped])).toEqual([{ actions: [], state: policy.initial }]);
  });

  it("Clark's rate still holds, and follows the last harvest", () => {
    const [answer] = answersOf(clark({ stun: { faults: 40, afterRound: 1 } }), [
      { ...stopped, nowMs: 1000, dirtiedPages: 5000, sentPages: 300 },
    ]);
    expect(answer).toEqual({
      actions: [`limit ${213 * 131_072}`, 'continue'],
      state: { rateMbit: 213, sentLast: 300, sentBefore: 300, startMs: 1000 },
    });
  });
});

describe('policy rounds', () => {
  it('goes on after a harvest that found pages, even of the last round', () => {
    const steps = [
      { event: 'synced', round: 9, pendingPages: 1 },
      { round: 1, pendingPages: 1 },
    ] as const;
    expect(actionsOf(roundsPolicy(2), steps)).toEqual([['continue'], ['continue']]);
  });
});

describe('policy xen', () => {
  it('stops at once when a harvest finds nothing, and looks anew at each harvest', () => {
    const steps: PolicyStep[] = [
      { event: 'synced', pendingPages: 3 },
      { pendingPages: 1 },
      { event: 'synced', pendingPages: 60 },
      { pendingPages: 0, round: 2 },
      { event: 'synced', pendingPages: 0 },
    ];
    expect(actionsOf(xenPolicy, steps).flat()).toEqual([
      'continue',
      'continue',
      'continue',
      'sync',
      'switchover',
    ]);
  });
});

describe('policy clark2005', () => {
  const drained = { pendingPages: 0, sentPages: 100 };

  it('sends while pages are pending, and renews its limiter at each window', () => {
    const steps: PolicyStep[] = [{ pendingPages: 1, round: 40 }, { event: 'window' }];
    expect(actionsOf(clark(), steps)).toEqual([['continue'], ['renew', 'continue']]);
  });

  it.each([
    ['round 28', {}, { ...drained, round: 28 }, 'sync'],
    ['round 29', {}, { ...drained, round: 29 }, 'switchover'],
    ['three times the guest exactly', { sentBefore: 29_000 }, { sentPages: 30_000 }, 'sync'],
    ['as much as before at full rate', { rateMbit: 500, sentLast: 100 }, drained, 'sync'],
    ['few pages after many', { sentBefore: 9000 }, { sentPages: 9049 }, 'switchover'],
    ['one more at full rate', { rateMbit: 500, sentLast: 99 }, drained, 'switchover'],
  ])('stops at its bounds and not before: %s', (_, state, now, expected) => {
    const policy = clark();
    const from = { ...policy.initial, ...state };
    const steps = [{ ...now, pendingPages: 0 }];
    expect(actionsOf(policy, steps, from)).toEqual([[expected]]);
  });

  it('takes its rate from the dirty rate of the very round, and counts what the round sent', () => {
    const synced = (nowMs: number, dirtiedPages: number, sentPages: number): PolicyStep => ({
      event: 'synced',
      nowMs,
      dirtiedPages,
      sentPages,
    });
    const answers = answersOf(clark(), [
      { event: 'start' },
      synced(1000, 5000, 6000),
      // 4000 pages in half a second are 262.1 Mbit/s.
      synced(1500, 4000, 8000),
      synced(1500, 4000, 8000),
      synced(2500, 100, 9000),
    ]);
    expect(answers.map(({ state }) => state)).toEqual([
      { rateMbit: 100, sentLast: Infinity, sentBefore: 0, startMs: 0 },
      { rateMbit: 213, sentLast: 6000, sentBefore: 6000, startMs: 1000 },
      { rateMbit: 312, sentLast: 2000, sentBefore: 8000, startMs: 1500 },
      { rateMbit: 312, sentLast: 0, sentBefore: 8000, startMs: 1500 },
      { rateMbit: 312, sentLast: 1000, sentBefore: 9000, startMs: 2500 },
    ]);
    expect(answers.map(({ actions }) => actions)).toEqual(
      [100, 213, 312, 312, 312].map((rate) => [`limit ${rate * 131_072}`, 'continue']),
    );
  });

  it('never exceeds the limit of the migration, and xen3 has that one alone', () => {
    const steps: PolicyStep[] = [
      { event: 'start' },
      { event: 'synced', nowMs: 1000, dirtiedPages: 5000 },
    ];
    const rates = (more: object): string[] => actionsOf(clark(more), steps).map(([one]) => one!);
    expect(rates({ maxBytesPerSecond: 20e6 })).toEqual(['limit 13107200', 'limit 20000000']);
    expect(rates({ isAdaptive: false, maxBytesPerSecond: 20e6 })).toEqual([
      'limit 20000000',
      'limit 20000000',
    ]);
    expect(rates({ isAdaptive: false })).toEqual(['limit Infinity', 'limit Infinity']);
    // Without the adaptive rate, a round at the maximum that sends more than the one before is no end.
    const xen3 = clark({ isAdaptive: false });
    const from = { ...xen3.initial, rateMbit: 500, sentLast: 50 };
    expect(actionsOf(xen3, [{ ...drained, sentPages: 100 }], from)).toEqual([['sync']]);
  });

  it('stuns from the end of its round on, at harvests alone', () => {
    const policy = clark({ stun: { faults: 40, afterRound: 2 } });
    const steps: PolicyStep[] = [1, 2, 3].map((round) => ({ event: 'synced', round }));
    expect(actionsOf(policy, steps).map((actions) => actions.slice(1))).toEqual([
      ['continue'],
      ['stun 40', 'continue'],
      ['stun 40', 'continue'],
    ]);
    expect(actionsOf(clark(), steps)[1]).toEqual(['limit 13107200', 'continue']);
  });
});

describe('the figures of a round', () => {
  const now = { pageSize: 4096, pendingPages: 25, dirtiedPages: 30 };
  const facts = (more: object, state = { startMs: 100, startBytes: 1000 }) =>
    factsOf(state, { ...now, nowMs: 300, transferredBytes: 5000, ...more } as never);

  it('count from its start, and extrapolate its rate to the rest', () => {
    expect(facts({})).toEqual({
      roundMs: 200,
      sentBytes: 4000,
      dirtiedBytes: 30 * 4096,
      expectedDowntimeMs: (25 * 4096 * 200) / 4000,
    });
  });

  it('expect no downtime of nothing, and an endless one of a round that sent nothing', () => {
    expect(facts({ pendingPages: 0, transferredBytes: 1000 }).expectedDowntimeMs).toBe(0);
    expect(facts({ transferredBytes: 1000 }).expectedDowntimeMs).toBe(Infinity);
    expect(facts({ transferredBytes: 1000, nowMs: 100 }).expectedDowntimeMs).toBe(Infinity);
  });
});

describe('policy cloud-hypervisor', () => {
  it('judges each round by itself', () => {
    const synced = { event: 'synced', pendingPages: 2441 } as const;
    const answers = answersOf(cloudHypervisorPolicy(GOAL), [
      { pendingPages: 1, nowMs: 50 },
      { ...synced, nowMs: 200, transferredBytes: 1e7 },
      // Another 10 MB in 100 ms: 2441 pages take just less than the goal.
      { ...synced, nowMs: 300, transferredBytes: 2e7 },
      { pendingPages: 0, nowMs: 310 },
    ]);
    expect(answers.map(({ actions }) => actions)).toEqual([
      ['continue'],
      ['continue'],
      ['switchover'],
      ['sync'],
    ]);
    expect(answers.map(({ state }) => state)).toEqual([
      { startMs: 0, startBytes: 0 },
      { startMs: 200, startBytes: 1e7 },
      { startMs: 300, startBytes: 2e7 },
      { startMs: 300, startBytes: 2e7 },
    ]);
  });

  it('stops the guest when the rest takes exactly the goal', () => {
    // 25 pages of 4096 bytes, at 1024 bytes a millisecond.
    const exact = { event: 'synced', nowMs: 100, transferredBytes: 102_400, pendingPages: 25 };
    expect(actionsOf(cloudHypervisorPolicy(GOAL), [exact as PolicyStep])).toEqual([['switchover']]);
  });

  it('gives up later than its timeout, and says after how many seconds', () => {
    const steps = [{ nowMs: 3000 }, { nowMs: 3000.5 }];
    expect(actionsOf(cloudHypervisorPolicy(GOAL), steps)).toEqual([
      ['continue'],
      ['abort not converged within the timeout of 3 s'],
    ]);
  });
});

describe('policy sdps', () => {
  const synced = (nowMs: number, megabytes: number, dirtiedPages: number): PolicyStep => ({
    event: 'synced',
    nowMs,
    transferredBytes: megabytes * 1e6,
    dirtiedPages,
    pendingPages: 9000,
    pageSize: 1000,
  });

  it('sends, harvests, and stops once the rest fits', () => {
    const steps: PolicyStep[] = [
      { pendingPages: 1 },
      { pendingPages: 0 },
      // 1 MB in 100 ms: 1000 pages of 1000 bytes take 100 ms.
      { ...synced(100, 1, 10), pendingPages: 1000 },
      { ...synced(200, 2, 10), pendingPages: 1001 },
    ];
    expect(actionsOf(sdpsPolicy(100), steps)).toEqual([
      ['continue'],
      ['sync'],
      ['switchover'],
      ['continue'],
    ]);
  });

  it('takes no step at just half, holds what still is needed, and lets go of a guest that is calm', () => {
    const answers = answersOf(sdpsPolicy(50), [
      // The guest dirties exactly half of what is sent, then twice as much.
      synced(100, 10, 5000),
      synced(200, 20, 20_000),
      // Slowed to a quarter it dirties half: it would dirty 20 MB, so the throttle stays.
      synced(300, 30, 5000),
      synced(400, 40, 1000),
      synced(500, 50, 0),
      // A guest that dirties without end is slowed by 99 % at most.
      synced(600, 60, 1e9),
    ]);
    expect(answers.map(({ actions }) => actions)).toEqual([
      ['continue'],
      ['throttle 0.75', 'continue'],
      ['continue'],
      ['throttle 0', 'continue'],
      ['continue'],
      ['throttle 0.99', 'continue'],
    ]);
    expect(answers[2]!.state).toEqual({ startMs: 300, startBytes: 30e6, throttle: 0.75 });
  });

  it('lets go of a guest that writes nothing', () => {
    const from = { startMs: 0, startBytes: 0, throttle: 0.5 };
    for (const megabytes of [10, 0]) {
      expect(actionsOf(sdpsPolicy(50), [synced(100, megabytes, 0)], from)).toEqual([
        ['throttle 0', 'continue'],
      ]);
    }
  });
});

/** A policy that answers every question alike. */
const answering = (
  ...actions: ReturnType<Policy<number>['decide']>['actions']
): Policy<number> => ({
  name: 'one answer',
  skipsRedirtied: false,
  initial: 0,
  decide: (state) => ({ state: state + 1, actions }),
});

describe('a migration that is forced to its end', () => {
  const force = (action: 'switchover' | 'postcopy', ...kinds: ('sync' | 'abort')[]) =>
    forceAfter(
      answering({ kind: 'throttle', share: 0.5 }, ...kinds.map((kind) => ({ kind }) as never)),
      { afterMs: 1000, action },
    );

  it('is left alone before, once it is stopped, and in post-copy', () => {
    const steps: PolicyStep[] = [
      { nowMs: 999 },
      { nowMs: 1000, event: 'stopped' },
      { nowMs: 1000, isPostcopy: true },
    ];
    expect(answersOf(force('switchover', 'sync'), steps)).toEqual(
      [1, 2, 3].map((state) => ({ state, actions: ['throttle 0.5', 'sync'] })),
    );
  });

  it('keeps what does not say how it goes on', () => {
    for (const action of ['switchover', 'postcopy'] as const) {
      const [answer] = answersOf(force(action, 'sync', 'abort'), [{ nowMs: 1000 }]);
      expect(answer).toEqual({ state: 1, actions: ['throttle 0.5', action] });
    }
    const ways = ['continue', 'sync', 'switchover', 'postcopy', 'abort'] as const;
    const every = answering(...ways.map((kind) => ({ kind }) as never));
    const forced = forceAfter(every, { afterMs: 0, action: 'postcopy' });
    expect(actionsOf(forced, [{}])).toEqual([['postcopy']]);
  });
});

describe('post-copy after some rounds', () => {
  const after = (rounds: number, kind: 'sync' | 'switchover' | 'continue') =>
    postcopyAfter(answering({ kind: 'renew' }, { kind }), rounds);
  const drained = { pendingPages: 0 };

  it.each([
    ['at once with none', 0, 'continue', { event: 'start' }, ['postcopy']],
    ['not before', 2, 'switchover', { ...drained, round: 1 }, ['renew', 'switchover']],
    ['in place of the stop', 2, 'switchover', { ...drained, round: 2 }, ['postcopy']],
    ['not in place of a round', 2, 'sync', { ...drained, round: 3 }, ['renew', 'sync']],
    ['after a harvest', 2, 'continue', { event: 'synced', round: 2 }, ['postcopy']],
    [
      'unless little is left',
      2,
      'switchover',
      { event: 'synced', round: 2 },
      ['renew', 'switchover'],
    ],
  ] as const)('%s', (_, rounds, kind, step, expected) => {
    expect(answersOf(after(rounds, kind), [step as PolicyStep])).toEqual([
      { state: 1, actions: expected },
    ]);
  });
});
