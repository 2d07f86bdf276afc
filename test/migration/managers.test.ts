import { describe, expect, it } from 'vitest';
import {
  dirtyLimit,
  type DirtyLimitState,
  startDirtyLimit,
} from '../../src/migration/policies/dirty-limit.ts';
import { KUBEVIRT_DEFAULTS, kubevirtTimeouts } from '../../src/migration/policies/kubevirt.ts';
import { kubevirtStall } from '../../src/migration/policies/kubevirt-stall.ts';
import type { Manager, ManagerRequest } from '../../src/migration/policies/managers.ts';

const GB = 1e9;
const MB = 1e6;

/** What a manager asks for and sets, at each of the moments it is told of. */
function play<State>(
  manager: Manager<State>,
  moments: readonly { seconds: number; megabytes: number; isPassEnd?: boolean }[],
): { limitMs: number; asks: ManagerRequest | undefined }[] {
  let state = manager.initial;
  return moments.map(({ seconds, megabytes, isPassEnd = false }) => {
    const step = manager.step(state, {
      nowMs: seconds * 1000,
      remainingBytes: megabytes * MB,
      bytesPerMs: 100_000,
      transferredBytes: 0,
      syncs: 1,
      isPassEnd,
    });
    ({ state } = step);
    return { limitMs: step.limitMs, asks: step.asks };
  });
}

describe("KubeVirt's timeouts", () => {
  const shrinking = [100, 149, 299, 301].map((seconds) => ({ seconds, megabytes: 500 - seconds }));
  const at = (seconds: number, megabytes = 1000 - seconds) => ({ seconds, megabytes });

  it('give up at the end of the budget, which grows with the guest', () => {
    const asks = play(kubevirtTimeouts(KUBEVIRT_DEFAULTS, 300, 1.5 * GB), shrinking);
    expect(asks.map(({ asks: request }) => request?.kind)).toEqual([
      undefined,
      undefined,
      undefined,
      'abort',
    ]);
  });

  it('give up when no look has seen less left than the look before for 150 s', () => {
    const stuck = [at(1, 50), at(100, 50), at(151.5, 60), at(152, 60)];
    const [, , early, late] = play(kubevirtTimeouts(KUBEVIRT_DEFAULTS, 300, 4 * GB), stuck);
    expect(early!.asks).toBeUndefined();
    expect(late!.asks).toMatchObject({ kind: 'abort', reason: "no progress for KubeVirt's 150 s" });
  });

  it('take any look that sees less left than the look before for progress', () => {
    // Passes that end ever higher are progress as well, since within each of them less and less is left.
    const rising = [at(1, 50), at(100, 90), at(101, 80), at(251.9, 900)];
    const steps = play(kubevirtTimeouts(KUBEVIRT_DEFAULTS, 300, 4 * GB), rising);
    expect(steps.every(({ asks }) => asks === undefined)).toBe(true);
  });

  it.each([
    ['post-copy', { allowPostCopy: true, allowWorkloadDisruption: true }, 'postcopy'],
    ['a suspended guest', { allowWorkloadDisruption: true }, 'suspend'],
  ] as const)(
    'end it by %s where that is allowed, and give up at twice the time',
    (_, may, kind) => {
      const manager = kubevirtTimeouts({ ...KUBEVIRT_DEFAULTS, ...may }, 300, GB);
      const steps = play(manager, [at(149), at(151), at(200), at(299), at(301)]);
      const kinds = steps.map(({ asks }) => asks?.kind);
      expect(kinds).toEqual([undefined, kind, undefined, undefined, 'abort']);
    },
  );

  it('look every 400 ms', () => {
    const manager = kubevirtTimeouts(KUBEVIRT_DEFAULTS, 300, GB);
    const before = manager.initial;
    const step = manager.step(before, {
      nowMs: 399,
      remainingBytes: 1,
      bytesPerMs: 1,
      transferredBytes: 0,
      syncs: 1,
      isPassEnd: false,
    });
    expect(step.state).toBe(before);
  });
});

describe("KubeVirt's stall detector", () => {
  const sample = { seconds: 0.5, megabytes: 900 };
  const pass = (seconds: number, megabytes: number) => ({ seconds, megabytes, isPassEnd: true });
  const run = (may: Partial<typeof KUBEVIRT_DEFAULTS>, ...passes: ReturnType<typeof pass>[]) =>
    play(kubevirtStall({ ...KUBEVIRT_DEFAULTS, ...may }, 900, 4 * GB), [sample, ...passes]).slice(
      1,
    );

  it('sees no stall while the passes get better, and none before the window is over', () => {
    const steps = run(
      {},
      pass(10, 400),
      pass(20, 200),
      pass(45, 210),
      pass(59, 150),
      pass(70, 120),
    );
    expect(steps.every(({ limitMs, asks }) => limitMs === 300 && !asks)).toBe(true);
  });

  it('raises the limit to the allowed downtime at a pass near the best one', () => {
    const steps = run({}, pass(10, 90), pass(30, 80), pass(60, 95), pass(62, 85), pass(64, 81));
    // 95 is no better than 90 of 40 s ago: stalled, but not low; 85 neither; 81 is within 4 % of 80.
    expect(steps.map(({ limitMs }) => limitMs)).toEqual([300, 300, 300, 300, 900]);
  });

  it('acts up to 1.5 times the allowed downtime, and gives up beyond', () => {
    const last = (megabytes: number) => run({}, pass(10, megabytes), pass(60, megabytes)).at(-1)!;
    expect(last(135)).toMatchObject({ limitMs: 900, asks: undefined });
    expect(last(136).asks).toMatchObject({ kind: 'abort' });
  });

  it('switches where the guest may be disrupted: post-copy, or whatever downtime it takes', () => {
    const passes = [pass(10, 500), pass(60, 500)];
    const may = { allowWorkloadDisruption: true };
    expect(run({ ...may, allowPostCopy: true }, ...passes).at(-1)!.asks?.kind).toBe('postcopy');
    expect(run(may, ...passes).at(-1)!).toMatchObject({ limitMs: 2_000_000, asks: undefined });
  });

  it('relaxes the best when it does not come again: after 40 s, then 20, then 10', () => {
    const high = [100, 110, 120, 130, 140, 150, 160, 170].map((seconds) => pass(seconds, 100));
    // Stalled at 60 with a best of 50; at 100 the lowest since, 100, takes its place.
    const steps = run({}, pass(10, 90), pass(30, 50), pass(60, 101), ...high);
    const firstAt = steps.findIndex(({ limitMs }) => limitMs === 900);
    expect(firstAt).toBe(3);
  });

  it('gives up when no switchover follows in time', () => {
    const steps = play(kubevirtStall(KUBEVIRT_DEFAULTS, 900, 4 * GB), [
      sample,
      pass(10, 80),
      pass(60, 80),
      { seconds: 119, megabytes: 80 },
      { seconds: 121, megabytes: 80 },
    ]);
    expect(steps.map(({ asks }) => asks?.kind)).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      'abort',
    ]);
  });
});

describe('the dirty limit', () => {
  const options = { quotaMiB: 100, periodMs: 1000, ringEntries: 4096 };

  /** Sleeps for each full ring, as vCPU 0 dirties so many MiB in each second. */
  function sleeps(rates: readonly number[]): { us: number; share: number | undefined }[] {
    let state: DirtyLimitState = startDirtyLimit(0, [0]);
    let pages = 0;
    return rates.map((rate, second) => {
      pages += rate * 256;
      const look = dirtyLimit(state, { nowMs: 1000 * (second + 1), pages: [pages] }, options);
      ({ state } = look);
      const [action] = look.actions;
      return {
        us: state.sleepUs[0]!,
        share: action?.kind === 'throttle' ? action.share : undefined,
      };
    });
  }

  it('changes in proportion when far off, by a tenth of a ring when near, not within 25 MB/s', () => {
    // A ring of 16 MiB fills in 40 ms at 400 MiB/s; 75 % too much: 40 × 75 ÷ 25 = 120 ms.
    const [first, near, done] = sleeps([400, 150, 125]);
    expect(first).toEqual({ us: 120_000, share: 0.75 });
    expect(near!.us).toBe(124_000);
    expect(done).toEqual({ us: 124_000, share: undefined });
  });

  it('takes back what is too much, and all of it from a vCPU that writes nothing', () => {
    expect(sleeps([400, 20]).at(-1)!.us).toBe(0);
    expect(sleeps([400, 0]).at(-1)!.us).toBe(0);
  });

  it('never takes more than 99 rings', () => {
    const rates = Array.from({ length: 60 }, () => 1000);
    expect(sleeps(rates).at(-1)).toMatchObject({ us: 99 * 16_000 });
  });

  it('looks once a period', () => {
    const state = startDirtyLimit(0, [0]);
    expect(dirtyLimit(state, { nowMs: 999, pages: [1e6] }, options)).toEqual({
      state,
      actions: [],
    });
  });
});
