import { describe, expect, it } from 'vitest';
import { KUBEVIRT_DEFAULTS, kubevirtRamp } from '../../src/migration/policies/kubevirt.ts';
import type { Manager, ManagerFacts } from '../../src/migration/policies/managers.ts';
import { NOVA_DEFAULTS, novaManager } from '../../src/migration/policies/nova.ts';
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
