import { describe, expect, it } from 'vitest';
import { KUBEVIRT_DEFAULTS, kubevirtRamp } from '../../src/migration/policies/kubevirt.ts';
import type { Manager, ManagerFacts } from '../../src/migration/policies/managers.ts';
import { NOVA_DEFAULTS, novaManager } from '../../src/migration/policies/nova.ts';
import {
  OVIRT_DEFAULTS,
  ovirtManager,
  type OvirtOptions,
} from '../../src/migration/policies/ovirt.ts';
import { PROXMOX_DEFAULTS, proxmoxManager } from '../../src/migration/policies/proxmox.ts';

const MB = 1e6;
const GIB = 2 ** 30;

type Look = Partial<ManagerFacts> & { readonly nowMs: number };

/** Returns the downtime limits that a manager sets at these looks, with what it asks for. */
function play<State>(manager: Manager<State>, looks: readonly Look[]) {
  let state = manager.initial;
  return looks.map((look) => {
    const facts: ManagerFacts = {
      remainingBytes: 500 * MB,
      transferredBytes: look.nowMs,
      syncs: 1,
      bytesPerMs: 100_000,
      isPassEnd: false,
      ...look,
    };
    const step = manager.step(state, facts);
    ({ state } = step);
    return { limitMs: step.limitMs, asks: step.asks };
  });
}

const limits = <State>(manager: Manager<State>, looks: readonly Look[]): number[] =>
  play(manager, looks).map(({ limitMs }) => limitMs);

describe('nova', () => {
  const at = (seconds: number): Look => ({ nowMs: seconds * 1000 });

  it('takes ten equal steps from a tenth, each a delay for each GiB', () => {
    const manager = novaManager(NOVA_DEFAULTS, 400, 3 * GIB);
    const looks = [0, 224, 225, 449, 450, 2250, 2400].map(at);
    expect(limits(manager, looks)).toEqual([40, 40, 76, 76, 112, 400, 400]);
  });

  it('counts at least 2 GiB, 100 ms, and whole seconds', () => {
    expect(limits(novaManager(NOVA_DEFAULTS, 500, GIB), [149, 150].map(at))).toEqual([50, 95]);
    expect(limits(novaManager(NOVA_DEFAULTS, 30, GIB), [at(0)])).toEqual([10]);
    // 75 s × 2.5 GiB = 187.5 s, of which nova takes 187.
    expect(limits(novaManager(NOVA_DEFAULTS, 500, 2.5 * GIB), [at(187)])).toEqual([95]);
  });

  it.each([
    ['abort', 'abort'],
    ['postcopy', 'postcopy'],
    ['suspend', 'suspend'],
  ] as const)('ends the migration once after 800 s for each GiB: %s', (timeoutAction, kind) => {
    const manager = novaManager({ ...NOVA_DEFAULTS, timeoutAction }, 500, 3 * GIB);
    const kinds = play(manager, [2400, 2401, 2402].map(at)).map(({ asks }) => asks?.kind);
    expect(kinds).toEqual([undefined, kind, undefined]);
  });
});

describe('kubevirt', () => {
  const ramp = (most = 1050) => kubevirtRamp(KUBEVIRT_DEFAULTS, most, 4 * GIB);

  it("leaves QEMU's limit until its first look, and begins at 150 ms", () => {
    expect(limits(ramp(), [{ nowMs: 399 }, { nowMs: 400 }])).toEqual([300, 150]);
    expect(limits(ramp(100), [{ nowMs: 400 }])).toEqual([100]);
  });

  it('rises every 10 s from the third pass on, whatever is left, up to the ceiling', () => {
    const looks = Array.from({ length: 12 }, (_, index) => ({
      nowMs: 1000 + 10_000 * index,
      // Ever less is left, so that a ladder that waits for a stall would stay where it is.
      remainingBytes: (500 - index) * MB,
      syncs: index < 2 ? 2 : 3,
    }));
    const steps = [278, 406, 534, 662, 790, 918, 1046, 1050, 1050, 1050];
    expect(limits(ramp(), looks)).toEqual([150, 150, ...steps]);
  });

  it('rises at the first look at the third pass when the cool-down is over by then, and not before', () => {
    const looks = [
      { nowMs: 400 },
      { nowMs: 9000, syncs: 3 },
      { nowMs: 10_000, syncs: 3 },
      { nowMs: 10_400, syncs: 4 },
    ];
    expect(limits(ramp(), looks)).toEqual([150, 150, 150, 278]);
    expect(limits(ramp(), [{ nowMs: 400 }, { nowMs: 75_000, syncs: 3 }])).toEqual([150, 278]);
  });

  it('keeps the timeouts', () => {
    const steps = play(ramp(), [{ nowMs: 400 }, { nowMs: 752_000, remainingBytes: 1 }]);
    expect(steps.at(-1)!.asks).toMatchObject({ kind: 'abort' });
  });
});

describe('ovirt', () => {
  /** Looks every 10 s, at which so many harvests have been made. */
  const looks = (...syncs: readonly number[]): Look[] =>
    syncs.map((count, index) => ({ nowMs: 10_000 * (index + 1), syncs: count }));
  const manager = (options: Partial<OvirtOptions> = {}) =>
    ovirtManager({ ...OVIRT_DEFAULTS, ...options }, 100);

  it('takes a step at a look at a new pass, once enough have begun since the first look', () => {
    // Passes 2, 3, 4, 5 and 7 after the first look take the steps of the schedule.
    expect(limits(manager(), looks(1, 2, 3, 4, 5, 6, 7, 8, 8))).toEqual([
      100, 100, 150, 200, 300, 400, 400, 500, 500,
    ]);
    // Many passes between two looks are one step.
    expect(limits(manager(), looks(3, 30, 30, 60))).toEqual([100, 150, 150, 200]);
    expect(limits(manager(), [{ nowMs: 9999, syncs: 90 }])).toEqual([100]);
  });

  it('gives up at the first new pass after the last step', () => {
    const asked = play(manager(), looks(1, 11, 21, 31, 41, 51, 61));
    expect(asked.map(({ asks }) => asks?.kind)).toEqual([...Array(6).fill(undefined), 'abort']);
  });

  it('allows 5 s before that where the workload may be suspended', () => {
    const policy = 'suspend-workload';
    const steps = play(manager({ policy }), looks(1, 11, 21, 31, 41, 51, 61, 71));
    expect(steps.at(-2)).toEqual({ limitMs: 5000, asks: undefined });
    expect(steps.at(-1)!.asks?.kind).toBe('abort');
  });

  it.each([
    [true, ['postcopy', 'abort']],
    [false, [undefined, 'abort']],
  ])('begins post-copy where it is possible: %s', (allowsPostcopy, kinds) => {
    const steps = play(manager({ policy: 'post-copy', allowsPostcopy }), looks(1, 11, 21, 31, 41));
    expect(steps.map(({ asks }) => asks?.kind).slice(-2)).toEqual(kinds);
  });
});

describe('proxmox', () => {
  const manager = (limitMs = 100) => proxmoxManager(PROXMOX_DEFAULTS, limitMs);
  /** Looks each second; by the n-th, n × 100 MB have been sent. */
  const eachSecond = (left: readonly number[]): Look[] =>
    left.map((megabytes, index) => ({
      nowMs: 1000 * (index + 1),
      remainingBytes: megabytes * MB,
      transferredBytes: 100 * MB * (index + 1),
    }));

  it('doubles the limit at the sixth look that sees more left than the one before', () => {
    const rising = [500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 510, 511, 512];
    const doubled = [100, 100, 100, 100, 100, 100, 200, 200, 200, 200, 200, 200, 400];
    expect(limits(manager(), eachSecond(rising))).toEqual(doubled);
  });

  it('counts rises alone: what has stayed the same or shrunk neither counts nor takes back', () => {
    const left = [500, 600, 600, 550, 600, 550, 600, 550, 600, 550, 600, 550, 600];
    expect(limits(manager(), eachSecond(left)).at(-2)).toBe(100);
    expect(limits(manager(), eachSecond(left)).at(-1)).toBe(200);
  });

  it('counts a look that sees nothing left', () => {
    expect(limits(manager(), eachSecond([500, 0, 0, 0, 0, 0, 0])).at(-1)).toBe(200);
  });

  it('begins at the configured downtime', () => {
    expect(limits(manager(700), [{ nowMs: 0 }])).toEqual([700]);
  });

  it('looks ten times a second once less is left than an average look saw sent', () => {
    // 200 MB after two looks and 250 by the third: the average of three is 66 MB, and 60 are left.
    const slow = [
      { nowMs: 1000, remainingBytes: 300 * MB, transferredBytes: 100 * MB },
      { nowMs: 2000, remainingBytes: 200 * MB, transferredBytes: 200 * MB },
      { nowMs: 3000, remainingBytes: 60 * MB, transferredBytes: 250 * MB },
    ];
    const fast = Array.from({ length: 6 }, (_, index) => ({
      nowMs: 3100 + 100 * index,
      remainingBytes: (70 + index) * MB,
      transferredBytes: (260 + index) * MB,
    }));
    expect(limits(manager(), [...slow, ...fast])).toEqual([...Array(8).fill(100), 200]);
    // With 80 MB left after the third look, nothing is looked at before the fourth second.
    const calm = slow.map((look, index) =>
      index < 2 ? look : { ...look, remainingBytes: 80 * MB },
    );
    expect(limits(manager(), [...calm, ...fast]).at(-1)).toBe(100);
  });

  it('does not evaluate a look since which nothing has been sent', () => {
    const still = eachSecond([500, 501, 502, 503, 504, 505]);
    const again = { ...still.at(-1)!, nowMs: 7000, remainingBytes: 506 * MB };
    expect(limits(manager(), [...still, again]).at(-1)).toBe(100);
  });

  it('looks at the full second although the answer before came late', () => {
    const late = eachSecond([500, 501, 502, 503, 504, 505, 506]).map((look, index) => ({
      ...look,
      nowMs: look.nowMs + (index % 2 === 0 ? 90 : 0),
    }));
    expect(limits(manager(), late).at(-1)).toBe(200);
  });
});
