import { describe, expect, it } from 'vitest';
import { ACCESS_BATCH } from '../../src/memory/kernels/abi.ts';
import { GivenUpError, runPieces } from '../../src/runtime/common/pieces.ts';
import { PIECE_WORDS, replayPieces } from '../../src/runtime/common/replay-pieces.ts';
import type { GuestPlan } from '../../src/guest/stream-plan.ts';

describe('work in pieces', () => {
  const numbers = Array.from({ length: 20 }, (_, i) => i);

  it('answers in the order of the pieces, whichever ends first', async () => {
    const slow = async (n: number): Promise<number> => {
      for (let turn = n % 3; turn > 0; turn--) await new Promise(setImmediate);
      return n * n;
    };
    for (const threads of [1, 3]) {
      expect(await runPieces(threads, numbers, slow)).toEqual(numbers.map((n) => n * n));
    }
  });

  it('gives the rest of the program its turn between two pieces', async () => {
    const done: number[] = [];
    let seen = -1;
    setImmediate(() => (seen = done.length));
    await runPieces(1, numbers, async (n) => void done.push(n));
    expect(seen).toBe(1);
  });

  it('begins no further piece once it is given up, and ends when no piece is at work', async () => {
    const controller = new AbortController();
    let atWork = 0;
    let begun = 0;
    const work = async (n: number): Promise<void> => {
      begun++;
      atWork++;
      if (n === 3) controller.abort();
      await new Promise(setImmediate);
      await new Promise(setImmediate);
      atWork--;
    };
    const { signal } = controller;
    await expect(runPieces(3, numbers, work, { signal })).rejects.toThrow(GivenUpError);
    expect({ atWork, isShort: begun < numbers.length }).toEqual({ atWork: 0, isShort: true });
  });

  it('is not given up by a signal that comes with its last piece', async () => {
    const controller = new AbortController();
    const work = async (n: number): Promise<void> => {
      if (n === numbers.length - 1) controller.abort();
    };
    const { signal } = controller;
    expect(await runPieces(1, numbers, work, { signal })).toHaveLength(numbers.length);
  });
});

describe('a replay in pieces', () => {
  const planOf = (...wordsPerPage: number[]) =>
    ({
      workloads: wordsPerPage.map((words) => ({ wordsPerPage: words })),
      streams: wordsPerPage.map((_, workload) => ({ workload })),
    }) as unknown as GuestPlan;

  it('reaches every target, in pieces of at most so many words, and makes each zeroing once', () => {
    const n = 3 * PIECE_WORDS + 5;
    const zeroings = [0, 7, PIECE_WORDS, PIECE_WORDS + 1, n].map((at) => [at, 0, 1, 1]);
    const pieces = replayPieces(planOf(1), [{ stream: 0, targetN: n, zeroings }], () => 0);
    expect(pieces.map((piece) => piece.map(({ targetN }) => targetN))).toEqual([
      [PIECE_WORDS],
      [2 * PIECE_WORDS],
      [3 * PIECE_WORDS],
      [n],
    ]);
    expect(pieces.flat().flatMap((one) => one.zeroings)).toEqual(zeroings);
    expect(pieces.map(([one]) => one!.zeroings.length)).toEqual([3, 1, 0, 1]);
  });

  it('puts small streams together, and counts the words of wide ones', () => {
    const streams = [0, 1, 2].map((stream) => ({
      stream,
      targetN: 100 + ACCESS_BATCH,
      zeroings: [],
    }));
    expect(replayPieces(planOf(1, 1, 1), streams, () => 100)).toEqual([streams]);
    const wide = PIECE_WORDS / ACCESS_BATCH;
    const [first, ...rest] = replayPieces(planOf(wide, 1, 1), streams, () => 100);
    expect(first).toEqual([streams[0]]);
    expect(rest.flat()).toEqual(streams.slice(1));
  });

  it('takes an access of a guest without bytes for one word', () => {
    const streams = [{ stream: 0, targetN: 2 * PIECE_WORDS, zeroings: [] }];
    expect(replayPieces(planOf(0), streams, () => 0)).toHaveLength(2);
  });
});
