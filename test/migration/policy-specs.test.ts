import { describe, expect, it } from 'vitest';
import { clark2005, xen3 } from '../../src/migration/policies/clark2005.ts';
import { cloudHypervisor } from '../../src/migration/policies/cloud-hypervisor.ts';
import { qemu } from '../../src/migration/policies/qemu-kind.ts';
import type { QemuState } from '../../src/migration/policies/qemu.ts';
import { POLICIES, policyNamed } from '../../src/migration/policies/registry.ts';
import { rounds } from '../../src/migration/policies/rounds.ts';
import { sdps } from '../../src/migration/policies/sdps.ts';
import { xen } from '../../src/migration/policies/xen.ts';
import type { CommonSpec } from '../../src/migration/spec/common-spec.ts';
import type { PolicyFacts, Surroundings } from '../../src/migration/spec/kinds.ts';
import { defaultsOf } from '../../src/units/keys.ts';
import { actionsOf, answersOf, type PolicyStep } from '../support/policy-steps.ts';
import { tallyOf } from '../support/tally.ts';

const spec: CommonSpec = {
  algorithm: 'precopy',
  postcopyAfter: 2,
  postcopyBytesPerSecond: Infinity,
  maxBytesPerSecond: 32e6,
  strictRate: false,
  downtimeLimitNs: 3e8,
  startAfterNs: 0,
  runAfterNs: 0,
  timeoutNs: 60e9,
  encodings: [],
};
const facts: PolicyFacts = {
  pages: 10_000,
  pageSize: 4096,
  linkBytesPerSecond: 1e9,
  maxBytesPerSecond: 32e6,
  downtimeLimitMs: 300,
  timeoutMs: 3000,
};
const MANAGERS = ['nova', 'kubevirt', 'kubevirt-timeouts', 'kubevirt-stall', 'proxmox'] as const;
const guest = { pages: 10_000, pageSize: 4096 };
const SCENARIO = {
  algorithm: 'precopy',
  dirtyLog: 'ring',
  dirtyRingSize: 512,
  downtimeLimit: '300ms',
};
const around: Surroundings = SCENARIO;

describe('the registry of policies', () => {
  it('finds each by its name, and no other', () => {
    for (const kind of POLICIES) expect(policyNamed(kind.name)).toBe(kind);
    expect(POLICIES.map(({ name }) => name)).toEqual([
      'rounds',
      'qemu',
      'xen',
      'xen3',
      'clark2005',
      'cloud-hypervisor',
      'sdps',
    ]);
    expect(() => policyNamed('vmware')).toThrow('there is no policy vmware');
  });
});

describe('a policy made of its spec', () => {
  it('of rounds has as many, and skips or not', () => {
    const own = rounds.resolve({ rounds: 2, skipRedirtied: false }, around);
    const policy = rounds.policy({ ...spec, ...own }, facts);
    const drained = [1, 2].map((round) => ({ round, pendingPages: 0 }));
    expect(actionsOf(policy, drained)).toEqual([['sync'], ['switchover']]);
    expect(policy.skipsRedirtied).toBe(false);
    expect(rounds.policy({ ...spec, rounds: 2 }, facts).skipsRedirtied).toBe(true);
  });

  it('of xen has none', () => {
    expect(xen.resolve({}, around)).toEqual({});
    expect(xen.policy(spec, facts).name).toBe('xen');
  });

  it("of clark2005 has the paper's rates or others, the guest's size, the limit and the stun", () => {
    const start: PolicyStep[] = [{ event: 'start' }, { event: 'synced', round: 3 }];
    const more = { startMbit: 10, maxMbit: 20, stun: { faults: 7, afterRound: 3 } };
    expect(actionsOf(clark2005.policy({ ...spec, ...more }, facts), start)).toEqual([
      ['limit 1310720', 'continue'],
      ['limit 1310720', 'stun 7', 'continue'],
    ]);
    const fast = { event: 'synced', nowMs: 1, dirtiedPages: 9000 } as const;
    const usual = clark2005.policy({ ...spec, maxBytesPerSecond: Infinity }, facts);
    expect(answersOf(usual, [start[0]!, fast])).toMatchObject([
      { actions: ['limit 13107200', 'continue'] },
      { actions: ['limit 65536000', 'continue'], state: { rateMbit: 500 } },
    ]);
    expect(actionsOf(clark2005.policy(spec, facts), [fast])).toEqual([
      ['limit 32000000', 'continue'],
    ]);
    const enough = [30_000, 30_001].map((sentPages) => ({ pendingPages: 0, sentPages }));
    expect(actionsOf(usual, enough)).toEqual([['sync'], ['switchover']]);
    expect(clark2005.resolve({}, around)).toEqual({});
    expect(clark2005.resolve({ stun: more.stun }, around)).toEqual({ stun: more.stun });
  });

  it('of xen3 does not adapt', () => {
    expect(xen3.resolve({}, around)).toEqual({});
    expect(actionsOf(xen3.policy(spec, facts), [{ event: 'start' }])).toEqual([
      ['limit 32000000', 'continue'],
    ]);
  });

  it('of cloud-hypervisor has the goal, the timeout and what that does', () => {
    const late = [{ nowMs: 3001 }];
    const of = (more: object) => cloudHypervisor.policy({ ...spec, ...more }, facts);
    expect(actionsOf(of({}), late)[0]![0]).toMatch(/^abort not converged within .* 3 s$/);
    const ignoring = cloudHypervisor.resolve({ timeoutAction: 'ignore' }, around);
    expect(actionsOf(of(ignoring), late)).toEqual([['switchover']]);
    expect(of({}).downtimeLimitMs!(null)).toBe(300);
  });

  it('of sdps has the goal', () => {
    expect(sdps.resolve({}, around)).toEqual({});
    expect(sdps.policy(spec, facts).downtimeLimitMs!(null)).toBe(300);
  });
});

describe('policy qemu made of its spec', () => {
  const defaults = defaultsOf(qemu.keys);
  const resolved = (more: object, surroundings: object = {}) =>
    qemu.resolve({ ...defaults, ...more }, { ...around, ...surroundings });

  it('takes what is written, in numbers', () => {
    expect(resolved({})).toEqual({ qemuVersion: '10' });
    const written = {
      qemuVersion: '7.2' as const,
      autoConverge: true,
      availSwitchoverBandwidth: '8Mbit/s',
      dirtyLimit: '40MiB/s',
    };
    expect(resolved(written)).toEqual({
      qemuVersion: '7.2',
      autoConverge: defaults.throttle,
      availSwitchoverBytesPerSecond: 1e6,
      dirtyLimit: { quotaMiB: 40, periodMs: 1000, ringEntries: 512 },
    });
    expect(resolved({ dirtyLimit: '1kB/s', dirtyLimitPeriod: '50ms' }).dirtyLimit).toEqual({
      quotaMiB: 1,
      periodMs: 50,
      ringEntries: 512,
    });
  });

  it("has KubeVirt's settings with its monitors alone, and post-copy with hybrid alone", () => {
    expect(resolved({ downtimeLadder: 'proxmox' })).toMatchObject({ manager: 'proxmox' });
    expect(resolved({ downtimeLadder: 'proxmox' })).not.toHaveProperty('kubevirt');
    for (const manager of ['kubevirt-timeouts', 'kubevirt-stall'] as const) {
      expect(resolved({ downtimeLadder: manager })).toMatchObject({
        manager,
        kubevirt: { allowPostCopy: false },
      });
      expect(resolved({ downtimeLadder: manager }, { algorithm: 'hybrid' })).toMatchObject({
        kubevirt: { allowPostCopy: true },
      });
    }
  });

  it.each([
    [{}, {}, []],
    [{ dirtyLimit: '1MB/s' }, {}, []],
    [
      { dirtyLimit: '1MB/s' },
      { dirtyLog: 'bitmap' },
      ['dirtyLimit needs guest.dirtyLog: ring, which counts by vCPU, got bitmap'],
    ],
    [
      { autoConverge: true, dirtyLimit: '1MB/s' },
      {},
      ['dirtyLimit excludes autoConverge: choose one'],
    ],
    [
      { qemuVersion: '7.2', dirtyLimit: '1MB/s' },
      {},
      ['dirtyLimit is not there before QEMU 8.1: leave out qemuVersion'],
    ],
    [{ throttle: { ...defaults.throttle, initial: 0.5, max: 0.5 } }, {}, []],
    [
      { throttle: { ...defaults.throttle, initial: 0.5, max: 0.4 } },
      {},
      ['throttle.max must not be less than initial (0.5)'],
    ],
  ])('has these problems with %j, %j', (written, surroundings, expected) => {
    const found = qemu.problems!({ ...defaults, ...written } as never, {
      ...around,
      ...surroundings,
    });
    expect(found.map(({ path, sentence }) => `${path.join('.')} ${sentence}`)).toEqual(expected);
  });

  const window = (nowMs: number, pendingPages: number): PolicyStep => ({
    event: 'window',
    nowMs,
    pendingPages,
    accountedBytes: 4096 * nowMs,
  });

  it('follows its version, its limit and the bandwidth to assume', () => {
    const policy = (more: object) => qemu.policy({ ...spec, ...more }, facts);
    expect(policy({}).downtimeLimitMs!(policy({}).initial)).toBe(300);
    expect(actionsOf(policy({}), [window(100, 299)])).toEqual([['renew', 'sync']]);
    const assuming = policy({ availSwitchoverBytesPerSecond: 8_192_000 });
    expect(actionsOf(assuming, [window(100, 599)])).toEqual([['renew', 'sync']]);
    // The timer of auto-converge came after 7.2.
    const ticks = [5000, 10_000].map((nowMs) => ({ nowMs, syncs: 2 }));
    const autoConverge = defaults.throttle;
    expect(actionsOf(policy({ autoConverge }), ticks)[1]).toEqual(['sync']);
    const old = policy({ autoConverge, qemuVersion: '7.2' });
    expect(actionsOf(old, ticks)[1]).toEqual(['continue']);
  });

  it('has its dirty limit', () => {
    const dirtyLimit = { quotaMiB: 1, periodMs: 1000, ringEntries: 4096 };
    const harvest = (nowMs: number): PolicyStep => ({
      event: 'synced',
      nowMs,
      dirtiedPages: 9000,
      vcpuDirtiedPages: [nowMs * 256],
    });
    const steps = [1100, 2200, 3200].map(harvest);
    const policy = qemu.policy({ ...spec, dirtyLimit }, facts);
    expect(actionsOf(policy, steps)[2]![0]).toMatch(/^throttle 0\.\d+ 0$/);
    expect(actionsOf(qemu.policy(spec, facts), steps)[2]).toEqual(['continue']);
  });

  it.each(MANAGERS)('is watched by %s', (manager) => {
    const stateOf = (more: object): unknown => {
      const { initial } = qemu.policy({ ...spec, ...more }, facts);
      return (initial as QemuState).manager;
    };
    expect(stateOf({})).toBeUndefined();
    expect(stateOf({ manager })).toBeDefined();
  });

  it('asks for post-copy after its rounds, at the poll of the program that asks, in hybrid', () => {
    const second = { event: 'synced', nowMs: 130, syncs: 3 } as const;
    const of = (more: object) => qemu.hybrid!({ ...spec, ...more }, facts);
    expect(actionsOf(of({}), [{ ...second, syncs: 2 }, second]).flat()).toEqual([
      'continue',
      'postcopy',
    ]);
    const polled = answersOf(of({ postcopyPollNs: 50e6 }), [second]);
    expect(polled).toMatchObject([{ actions: ['continue'], state: { postcopyAtMs: 150 } }]);
    for (const manager of ['kubevirt-timeouts', 'kubevirt-stall']) {
      expect(actionsOf(of({ manager }), [second])).toEqual([['continue']]);
    }
    expect(actionsOf(of({ manager: 'nova' }), [second])).toEqual([['postcopy']]);
    expect(actionsOf(qemu.policy(spec, facts), [second])).toEqual([['continue']]);
  });
});

describe('the remedies of a policy', () => {
  const limit = { limitKey: 'migration.downtimeLimit' };
  const converge = ['migration.autoConverge: true'];
  const autoConverge = defaultsOf(qemu.keys).throttle;
  const dirtyLimit = { quotaMiB: 1, periodMs: 1000, ringEntries: 4096 };

  it.each([
    [{}, { ...limit, timeHelps: false, others: converge }],
    [{ autoConverge }, { ...limit, timeHelps: true, others: [] }],
    [{ dirtyLimit }, { ...limit, timeHelps: false, others: [] }],
  ] as const)('qemu with %j', (more, expected) => {
    expect(qemu.remedies!({ ...spec, ...more })).toEqual(expected);
  });

  it('is time, where a manager raises the limit or gives up', () => {
    for (const manager of MANAGERS) {
      expect(qemu.remedies!({ ...spec, manager })).toMatchObject({
        timeHelps: true,
        others: converge,
      });
    }
  });

  it('that is not qemu', () => {
    const of = (name: string) => policyNamed(name).remedies!(spec);
    expect(of('rounds')).toEqual({ timeHelps: true, others: ['fewer migration.rounds'] });
    for (const name of ['xen', 'xen3', 'clark2005']) {
      expect(of(name)).toEqual({ timeHelps: true, others: [] });
    }
    expect(of('sdps')).toEqual({ ...limit, others: [] });
    expect(of('cloud-hypervisor')).toEqual({
      ...limit,
      patienceKey: 'migration.timeout',
      others: ['migration.timeoutAction: ignore'],
    });
  });

  it('are not needed where the policy ends its rounds itself', () => {
    const takes = (timeoutAction: 'ignore' | 'cancel') =>
      cloudHypervisor.takesTimeout!({ ...spec, timeoutAction });
    expect([takes('ignore'), takes('cancel')]).toEqual([true, false]);
  });
});

describe("a policy's own limiter", () => {
  it("of qemu is a window of a tenth of a second at the migration's limit, by its version", () => {
    const limiterOf = (more: object) => {
      const own = qemu.pacing!({ ...spec, ...more }, guest, { fixedNs: 5, perByteNs: 0 });
      return own.pacing!.limiter;
    };
    expect([limiterOf({}).mostPages(), limiterOf({ qemuVersion: '7.2' }).mostPages()]).toEqual([
      32, 780,
    ]);
    expect(limiterOf({}).opensAtNs(0)).toBe(100e6 + 5);
  });

  it('of clark2005 sends bursts of 100 KiB, through the guest in an order of its own', () => {
    const { pacing, walk } = clark2005.pacing!(spec, guest);
    const { limiter, accounting } = pacing!;
    limiter.setRate(1e6);
    expect(limiter.mostPages()).toBe(25);
    limiter.take(tallyOf({ raw: 25 }));
    expect(limiter.mostPages()).toBe(0);
    expect(accounting.pageBytes).toBe(4096);
    expect(walk).toBeDefined();
  });

  it.each([
    ['bitmap', 0],
    ['ring', 0],
    ['atomic', 1],
  ])('of clark2005 can stun with the log %s', (dirtyLog, problems) => {
    const stun = { faults: 40, afterRound: 1 };
    const found = clark2005.problems!({ stun }, { ...around, dirtyLog });
    expect(found).toHaveLength(problems);
    expect(clark2005.problems!({}, { ...around, dirtyLog })).toEqual([]);
    if (problems > 0) {
      expect(found).toEqual([
        {
          path: ['stun'],
          sentence:
            'write faults are not counted by the log atomic: choose bitmap, bytemap or ring',
        },
      ]);
    }
  });
});
