import { describe, expect, it } from 'vitest';
import { AUTO_CONVERGE_DEFAULTS } from '../../src/migration/policies/auto-converge.ts';
import type { QemuOptions, QemuState } from '../../src/migration/policies/qemu.ts';
import { actionsOf, answersOf, type PolicyStep } from '../support/policy-steps.ts';
import { qemu, synced, window, WINDOW_BYTES } from '../support/qemu-steps.ts';

describe('a window of policy qemu', () => {
  it('ends after 100 ms, counted in whole milliseconds from when it began', () => {
    const answers = answersOf(qemu(), [
      window(99.9, 1),
      window(100.9, 1),
      // Twice as fast.
      window(199.9, 3),
      window(200.2, 3),
    ]);
    expect(answers.map(({ actions }) => actions)).toEqual([
      ['continue'],
      ['renew', 'continue'],
      ['continue'],
      ['renew', 'continue'],
    ]);
    const windows = answers.map(({ state }) => ({
      ms: state.windowStartMs,
      bytes: state.windowStartBytes,
      threshold: state.thresholdBytes,
    }));
    const first = { ms: 100, bytes: WINDOW_BYTES, threshold: 300 * 4096 };
    expect(windows).toEqual([
      { ms: 0, bytes: 0, threshold: 0 },
      first,
      first,
      { ms: 200, bytes: 3 * WINDOW_BYTES, threshold: 600 * 4096 },
    ]);
  });

  it('that is not over decides nothing while the sender is held back', () => {
    const from = { ...qemu().initial, thresholdBytes: 300 * 4096 };
    const low = { pendingPages: 299 };
    expect(answersOf(qemu(), [window(50, 1, { ...low, isHeldBack: true })], from)).toEqual([
      { actions: ['continue'], state: from },
    ]);
    expect(actionsOf(qemu(), [window(50, 1, low)], from)).toEqual([['sync']]);
    expect(actionsOf(qemu(), [window(100, 1, { ...low, isHeldBack: true })], from)).toEqual([
      ['renew', 'sync'],
    ]);
  });

  it.each([
    [undefined, 4096],
    [0, 4096],
    [8_192_000, 8192],
  ])('takes %s bytes a second for the switchover as %i a millisecond', (assumed, bytesPerMs) => {
    const more = assumed === undefined ? {} : { availSwitchoverBytesPerSecond: assumed };
    const [answer] = answersOf(qemu(more), [window(100, 1)]);
    expect(answer!.state.thresholdBytes).toBe(bytesPerMs * 300);
  });
});

describe('a chunk of policy qemu', () => {
  const batch = (nowMs: number, sentPages: number, more: PolicyStep = {}): PolicyStep => ({
    nowMs,
    sentPages,
    pendingPages: 9000,
    ...more,
  });
  const chunked = (steps: PolicyStep[], more: Partial<QemuOptions> = {}, from?: QemuState) =>
    answersOf(qemu(more), steps, from).map(({ actions }) => actions[0] === 'chunk');

  it('lasts more than 50 ms, and ends at a block of 64 pages', () => {
    expect(chunked([batch(51, 63), batch(52, 64)])).toEqual([false, true]);
    expect(chunked([batch(50, 64), batch(90, 127), batch(90, 128)])).toEqual([false, false, true]);
    // A page of 64 KiB counts as sixteen.
    expect(chunked([batch(60, 3, { pageSize: 65_536 })])).toEqual([false]);
    expect(chunked([batch(60, 4, { pageSize: 65_536 })])).toEqual([true]);
  });

  it('begins anew with the one before, or with what a harvest brings', () => {
    const [, second] = answersOf(qemu(), [batch(51, 128), batch(60, 190)]);
    expect(second!.state).toMatchObject({
      chunkStartMs: 51,
      chunkStartPages: 128,
      chunkBlocks: 0,
    });
    expect(chunked([batch(51, 128), batch(101, 192), batch(102, 255), batch(102, 256)])).toEqual([
      true,
      false,
      false,
      true,
    ]);
    const [after] = answersOf(qemu(), [synced(70, { sentPages: 77 })], {
      ...qemu().initial,
      chunkBlocks: 3,
    });
    expect(after!.state).toMatchObject({ chunkStartMs: 70, chunkStartPages: 77, chunkBlocks: 0 });
  });

  it('ends when the budget is spent or no page is left, and with it a window that is over', () => {
    expect(actionsOf(qemu(), [batch(10, 1, { isHeldBack: true })])).toEqual([
      ['chunk', 'continue'],
    ]);
    expect(actionsOf(qemu(), [batch(10, 1, { pendingPages: 0 })])).toEqual([
      ['chunk', 'switchover'],
    ]);
    const over = batch(100, 1, { isHeldBack: true, accountedBytes: WINDOW_BYTES });
    expect(actionsOf(qemu(), [over])).toEqual([['chunk', 'renew', 'continue']]);
    expect(actionsOf(qemu(), [{ ...over, pendingPages: 299 }])).toEqual([
      ['chunk', 'renew', 'sync'],
    ]);
    const from = { ...qemu().initial, thresholdBytes: 300 * 4096 };
    expect(actionsOf(qemu(), [batch(10, 1, { isHeldBack: true, pendingPages: 5 })], from)).toEqual([
      ['chunk', 'continue'],
    ]);
  });

  it('is left to end while so little is left that a harvest is due', () => {
    const from = { ...qemu().initial, thresholdBytes: 300 * 4096 };
    expect(actionsOf(qemu(), [batch(10, 1, { pendingPages: 5 })], from)).toEqual([['continue']]);
  });
});

describe('the start of policy qemu', () => {
  it('sends, or stops a guest without pages', () => {
    const start = { event: 'start' } as const;
    expect(actionsOf(qemu(), [{ ...start, pendingPages: 1 }])).toEqual([['continue']]);
    expect(actionsOf(qemu(), [{ ...start, pendingPages: 0 }])).toEqual([['switchover']]);
  });
});

describe('a harvest of policy qemu', () => {
  const from = { ...qemu().initial, thresholdBytes: 300 * 4096 };

  it.each([
    [299, 'switchover'],
    [300, 'continue'],
    [0, 'switchover'],
  ])('of %i pages at a threshold of 300: %s', (pendingPages, expected) => {
    expect(actionsOf(qemu(), [synced(10, { pendingPages })], from)).toEqual([[expected]]);
  });

  it('of nothing ends it even at a threshold of 0', () => {
    expect(actionsOf(qemu(), [synced(10, { pendingPages: 0 })])).toEqual([['switchover']]);
  });

  it('that the timer forced is no end, once', () => {
    const forced = { ...from, isForced: true };
    const few = synced(10, { pendingPages: 1 });
    expect(actionsOf(qemu(), [few, few], forced)).toEqual([['continue'], ['switchover']]);
  });
});

describe("auto-converge's timer", () => {
  const converging = { autoConverge: AUTO_CONVERGE_DEFAULTS };
  const batch = (nowMs: number, syncs: number): PolicyStep => ({
    nowMs,
    syncs,
    pendingPages: 9000,
  });

  it('ticks every 5 s, and forces a harvest when there was none since the last tick', () => {
    const answers = answersOf(qemu(converging), [
      batch(4999, 2),
      batch(5000, 2),
      batch(9999, 2),
      batch(10_000, 2),
      batch(10_001, 2),
      batch(15_000, 3),
      batch(20_000, 3),
    ]);
    const continued = ['continue'];
    expect(answers.map(({ actions }) => actions)).toEqual([
      continued,
      continued,
      continued,
      ['sync'],
      continued,
      continued,
      ['sync'],
    ]);
    expect(answers.map(({ state }) => [state.lastTick, state.syncsAtTick, state.isForced])).toEqual(
      [
        [0, 1, false],
        [1, 2, false],
        [1, 2, false],
        [2, 2, true],
        [2, 2, true],
        [3, 3, true],
        [4, 3, true],
      ],
    );
  });

  it('waits for the end of the first pass', () => {
    expect(actionsOf(qemu(converging), [batch(5000, 1), batch(10_000, 1)])).toEqual([
      ['continue'],
      ['continue'],
    ]);
  });

  it.each([
    ['7.2', { ...converging, version: '7.2' as const }],
    ['no auto-converge', {}],
  ])('is not there with %s', (_, options) => {
    const steps = [batch(5000, 2), batch(10_000, 2)];
    const [, last] = answersOf(qemu(options), steps);
    expect(last).toMatchObject({ actions: ['continue'], state: { lastTick: 0, isForced: false } });
  });

  it('throttles at harvests, when the throttle changes', () => {
    const much = (nowMs: number): PolicyStep =>
      synced(nowMs, { dirtiedPages: 20_000, accountedBytes: (nowMs / 1100) * 1e6 });
    expect(actionsOf(qemu(converging), [much(1100), much(2200), much(3300)])).toEqual([
      ['continue'],
      ['throttle 0.2', 'continue'],
      ['continue'],
    ]);
    expect(actionsOf(qemu(), [much(1100), much(2200)]).flat()).toEqual(['continue', 'continue']);
  });
});

describe('post-copy under policy qemu', () => {
  const postcopy = (rounds: number, pollMs: number) => qemu({ postcopyAfter: { rounds, pollMs } });

  it('is asked for at the poll after its rounds', () => {
    const steps = [
      synced(120, { syncs: 2 }),
      synced(130, { syncs: 3 }),
      window(199, 1, { syncs: 3 }),
      window(300, 2, { syncs: 3 }),
    ];
    const answers = answersOf(postcopy(2, 100), steps);
    expect(answers.map(({ state }) => state.postcopyAtMs)).toEqual([Infinity, 200, 200, 200]);
    expect(answers.map(({ actions }) => actions.at(-1))).toEqual([
      'continue',
      'continue',
      'continue',
      'postcopy',
    ]);
    // A later harvest does not put it off, and a poll that falls on the very moment is over.
    const later = answersOf(postcopy(1, 100), [
      synced(130, { syncs: 2 }),
      synced(200, { syncs: 3 }),
    ]);
    expect(later.map(({ state }) => state.postcopyAtMs)).toEqual([200, 200]);
    const [onPoll] = answersOf(postcopy(1, 100), [synced(200, { syncs: 2 })]);
    expect(onPoll!.state.postcopyAtMs).toBe(300);
  });

  it('is noticed at once without a poll, and by a program that asks from the start at its first', () => {
    expect(actionsOf(postcopy(1, 0), [synced(130, { syncs: 2 })])).toEqual([['postcopy']]);
    const steps = [{ event: 'start' } as const, window(49, 1), window(50, 1)];
    expect(actionsOf(postcopy(0, 50), steps).flat()).toEqual(['continue', 'continue', 'postcopy']);
    expect(actionsOf(postcopy(0, 0), [{ event: 'start' }])).toEqual([['postcopy']]);
    expect(postcopy(2, 50).initial.postcopyAtMs).toBe(Infinity);
  });

  it('begins once', () => {
    const steps = [synced(130, { syncs: 2, isPostcopy: true })];
    expect(actionsOf(postcopy(1, 0), steps)).toEqual([['continue']]);
  });
});
