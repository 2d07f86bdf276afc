import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Pacer, type PaceSpec, traceDue, traceDueNs } from '../../src/guest/pacing.ts';
import { LanesError, planGuest } from '../../src/guest/stream-plan.ts';
import { traceIntervals, traceShare } from '../../src/guest/trace.ts';
import { parseTrace, TRACE_LIMITS, TraceError } from '../../src/guest/trace-file.ts';
import type { Workload } from '../../src/guest/workload.ts';

const MS = 1e6;
const SLOTS = [{ firstGfn: 0, pages: 4096 }];
const whole = { fromNs: 0, untilNs: Infinity };

function pacer(pace: PaceSpec['pace'], window: Omit<PaceSpec, 'pace'> = whole) {
  const state = new Float64Array(2);
  const paced = new Pacer({ ...window, pace }, state, 0);
  let done = 0;
  return {
    pace: paced,
    run(fromNs: number, toNs: number): number {
      paced.advance(fromNs, toNs);
      paced.forgetLag(done);
      const due = paced.due(toNs, done);
      paced.spend(due);
      done += due;
      return due;
    },
  };
}

describe('an even rate', () => {
  it('owes exactly rate × time over many small steps', () => {
    const { run } = pacer({ kind: 'even', perNs: 12_345 / 1e9 });
    let total = 0;
    for (let ns = 0; ns < 10e9; ns += 700_001) total += run(ns, ns + 700_001);
    expect(Math.abs(total - 123_450)).toBeLessThan(12);
  });

  it('makes up 10 ms of lag and no more', () => {
    const { run } = pacer({ kind: 'even', perNs: 1e6 / 1e9 });
    expect(run(0, 5 * MS)).toBe(5000);
    expect(run(5 * MS, 500 * MS)).toBe(10_001);
  });

  it('owes a slow access in the end, however slow', () => {
    const { run } = pacer({ kind: 'even', perNs: 2 / 1e9 });
    let total = 0;
    for (let ns = 0; ns < 3.1e9; ns += 5_250_000) total += run(ns, ns + 5_250_000);
    expect(total).toBe(6);
  });

  it('keeps to its phase', () => {
    const { pace, run } = pacer(
      { kind: 'even', perNs: 1e5 / 1e9 },
      { fromNs: 10 * MS, untilNs: 15 * MS },
    );
    expect(run(0, 8 * MS)).toBe(0);
    expect(run(8 * MS, 12 * MS)).toBe(200);
    expect(run(12 * MS, 30 * MS)).toBe(300);
    expect(run(30 * MS, 40 * MS)).toBe(0);
    expect(pace.nextDueInNs(0, 0)).toBe(10 * MS);
    expect(pace.nextDueInNs(20 * MS, 0)).toBe(Infinity);
  });
});

describe('a ticking rate', () => {
  const tick: PaceSpec['pace'] = { kind: 'tick', perNs: 20_000 / 1e9, tickNs: MS };

  it('comes in bursts at the ticks', () => {
    const { run } = pacer(tick);
    expect(run(0, 0.9 * MS)).toBe(0);
    expect(run(0.9 * MS, 1.1 * MS)).toBe(20);
    expect(run(1.1 * MS, 1.9 * MS)).toBe(0);
    expect(run(1.9 * MS, 3.5 * MS)).toBe(40);
  });

  it('adds up where a burst is no whole number', () => {
    const { run } = pacer({ kind: 'tick', perNs: 1500 / 1e9, tickNs: MS });
    let total = 0;
    for (let ns = 0; ns < 1e9; ns += 0.3 * MS) total += run(ns, ns + 0.3 * MS);
    expect(Math.abs(total - 1500)).toBeLessThanOrEqual(2);
  });

  it('keeps one missed tick pending over a stop, not more', () => {
    const { pace, run } = pacer(tick);
    run(0, 2.5 * MS);
    pace.missed(2.5 * MS, 100 * MS);
    expect(pace.due(2.5 * MS, 0)).toBe(20);
    // A burst that had begun is finished as well.
    const begun = pacer(tick);
    begun.pace.advance(0, 1.5 * MS);
    begun.pace.forgetLag(0);
    begun.pace.spend(5);
    begun.pace.missed(1.5 * MS, 10 * MS);
    expect(begun.pace.due(1.5 * MS, 0)).toBe(35);
    const short = pacer(tick);
    short.run(0, 2.5 * MS);
    short.pace.missed(2.5 * MS, 0.2 * MS);
    expect(short.pace.due(2.5 * MS, 0)).toBe(0);
  });

  it('of an even rate nothing missed is made up', () => {
    const { pace } = pacer({ kind: 'even', perNs: 1 });
    pace.missed(5 * MS, 100 * MS);
    expect(pace.due(5 * MS, 0)).toBe(0);
  });
});

describe('accesses that a throttle holds up', () => {
  const even: PaceSpec['pace'] = { kind: 'even', perNs: 1000 / 1e9 };
  const held = (pace: PaceSpec['pace'], catchUpNs?: number) => {
    const { pace: paced, run } = pacer(
      pace,
      catchUpNs === undefined ? whole : { ...whole, catchUpNs },
    );
    let done = 0;
    for (let ms = 0; ms < 50; ms++) done += run(ms * MS, (ms + 1) * MS);
    paced.held(50 * MS, 200 * MS);
    paced.advance(250 * MS, 251 * MS);
    paced.forgetLag(done);
    return paced.due(251 * MS, done);
  };

  it('are missed without catchUp', () => {
    expect(held(even)).toBe(1);
  });

  it('stay due for as long as catchUp says, beside the 10 ms of lag', () => {
    expect(held(even, Infinity)).toBe(201);
    expect(held(even, 100 * MS)).toBe(111);
  });

  it('stay due when they come in ticks', () => {
    const tick: PaceSpec['pace'] = { kind: 'tick', perNs: 2 ** -16, tickNs: 2 ** 23 };
    expect(held(tick)).toBe(128);
    // Ticks 6 to 29 fall into the 200 ms and the millisecond after them.
    expect(held(tick, Infinity)).toBe(24 * 128);
    // A burst more than the time allows is kept, the one that is about to begin.
    expect(held(tick, 100 * MS)).toBe(14 * 128);
  });

  it('stay due when a trace says so, whose own time goes on', () => {
    const starts = Uint32Array.from({ length: 11 }, (_, i) => 100 * i);
    const trace: PaceSpec['pace'] = { kind: 'trace', intervalNs: 100 * MS, starts, loop: true };
    expect(held(trace)).toBe(1);
    expect(held(trace, Infinity)).toBe(201);
    expect(held(trace, 100 * MS)).toBe(111);
  });

  it('of a stop are missed all the same', () => {
    const { pace } = pacer(even, { ...whole, catchUpNs: Infinity });
    pace.missed(0, 200 * MS);
    expect(pace.due(200 * MS, 0)).toBe(0);
  });
});

describe('a trace', () => {
  const starts = Uint32Array.of(0, 4, 4, 6);
  const loop = { kind: 'trace', intervalNs: 100 * MS, starts, loop: true } as const;
  const hold = { ...loop, loop: false } as const;

  it('spreads each interval evenly, and an empty one takes its time', () => {
    const times = [0, 1, 2, 3, 4, 5, 6].map((n) => traceDueNs(loop, n) / MS);
    expect(times).toEqual([0, 25, 50, 75, 200, 250, 300]);
    for (let n = 0; n < 20; n++) {
      expect(traceDue(loop, traceDueNs(loop, n))).toBe(n + 1);
      if (n > 0) expect(traceDue(loop, traceDueNs(loop, n) - 1)).toBe(n);
    }
  });

  it('makes no access before its phase', () => {
    const { pace } = pacer(loop, { fromNs: 500 * MS, untilNs: Infinity });
    expect(pace.due(499 * MS, 0)).toBe(0);
    expect(pace.due(500 * MS, 0)).toBe(1);
  });

  it('holds at its end when it is told to', () => {
    expect(traceDue(hold, 10e9)).toBe(6);
    expect(traceDueNs(hold, 6)).toBe(Infinity);
  });

  it('stretches when it is late, and never skips', () => {
    const { pace } = pacer(loop);
    pace.advance(0, 250 * MS);
    pace.forgetLag(0);
    // Nothing was done: its time waits 10 ms behind the first access.
    expect(pace.due(250 * MS, 0)).toBe(1);
    pace.advance(250 * MS, 300 * MS);
    pace.forgetLag(1);
    expect(pace.due(300 * MS, 1)).toBe(1);
  });

  const file = readFileSync(
    new URL('../../fixtures/traces/redis-zipf-zf.pftrace', import.meta.url),
  );

  it('of a Redis guest reads as published: 60 intervals, 2 877 pages in all', () => {
    const trace = parseTrace(file);
    expect(trace).toMatchObject({ intervalMs: 100, pageSize: 4096 });
    const { intervals } = traceIntervals(trace, 1);
    expect(intervals).toHaveLength(60);
    const mean = intervals.reduce((sum, gfns) => sum + gfns.length, 0) / 60;
    expect(mean).toBeCloseTo(470.0, 0);
    expect(new Set(intervals.flatMap((gfns) => [...gfns])).size).toBe(2877);
  });

  it('is shuffled by seed and interval, and split by gfn', () => {
    const trace = parseTrace(file);
    const a = traceIntervals(trace, 1);
    expect(traceIntervals(trace, 1)).toEqual(a);
    const b = traceIntervals(trace, 2);
    expect(b.intervals[0]).not.toEqual(a.intervals[0]);
    expect(b.intervals[0]!.toSorted()).toEqual(a.intervals[0]!.toSorted());
    const shares = [0, 1, 2].map((turn) => traceShare(a, turn, 3));
    expect(shares.every(({ list }, turn) => list.every((gfn) => gfn % 3 === turn))).toBe(true);
    const total = shares.reduce((sum, { list }) => sum + list.length, 0);
    expect(total).toBe(a.intervals.reduce((sum, gfns) => sum + gfns.length, 0));
  });

  it('reads what is touched but not dirty', () => {
    const header = JSON.stringify({ format: 'pageferry/trace@1', intervalMs: 10, pageSize: 4096 });
    const dirty = parseTrace(gzipSync(`${header}\n[3,2]\n[]\n`));
    const touched = parseTrace(gzipSync(`${header}\n[2,3]\n[9,1]\n`));
    const { intervals, endGfn } = traceIntervals(dirty, 1, touched);
    const sorted = intervals.map((gfns) => [...gfns].toSorted((x, y) => x - y));
    expect(sorted).toEqual([[3, 4, 2 + 2 ** 31], [9 + 2 ** 31]]);
    expect(endGfn).toBe(10);
  });

  it.each([
    ['not gzip', Buffer.from('hello'), /not a gzip file/],
    ['another format', gzipSync('{"format":"x"}\n[]'), /line 1: expected a header/],
    ['no JSON', gzipSync('{\n'), /line 1: is not JSON/],
    [
      'odd runs',
      gzipSync('{"format":"pageferry/trace@1","intervalMs":1,"pageSize":4096}\n[1]'),
      /line 2: expected \[gfnStart/,
    ],
    [
      'overlapping runs',
      gzipSync('{"format":"pageferry/trace@1","intervalMs":1,"pageSize":4096}\n[1,5,3,1]'),
      /line 2: runs must/,
    ],
    [
      'no interval',
      gzipSync('{"format":"pageferry/trace@1","intervalMs":1,"pageSize":4096}'),
      /no interval/,
    ],
  ])('is refused when it is %s', (_, bytes, message) => {
    expect(() => parseTrace(bytes)).toThrow(TraceError);
    expect(() => parseTrace(bytes)).toThrow(message);
  });

  it.each([
    [{ bytes: 80 }, 'unpacks to more than 80 B, which is the most that is read'],
    [{ intervals: 2 }, 'has more than 2 intervals, which is the most that is read'],
    [{ runs: 4 }, 'has more than 4 runs, which is the most that is read'],
  ])('is refused beyond %j', (limit, message) => {
    const header = '{"format":"pageferry/trace@1","intervalMs":1,"pageSize":4096}';
    const bytes = gzipSync(`${header}\n[0,1,4,1]\n[2, 3,  9,1]\n[ 5 , 1 ]\n`);
    const limits = { ...TRACE_LIMITS, bytes: 200, intervals: 3, runs: 5 };
    const { runs } = parseTrace(bytes, limits);
    expect(runs.map((one) => Array.from(one))).toEqual([
      [0, 1, 4, 1],
      [2, 3, 9, 1],
      [5, 1],
    ]);
    expect(() => parseTrace(bytes, { ...limits, ...limit })).toThrow(message);
  });
});

describe('lanes', () => {
  const workload = (firstGfn: number, wordsPerPage: number): Workload => ({
    pattern: { kind: 'uniform' },
    firstGfn,
    pages: 10,
    rate: 1,
    writes: 1,
    wordsPerPage,
    ...whole,
  });

  it('never overlap over a page, and are shared where regions are apart', () => {
    const { streams } = planGuest(
      [workload(0, 3), workload(5, 2), workload(100, 1)],
      2,
      SLOTS,
      4096,
      1,
    );
    expect(streams.map(({ lane }) => lane)).toEqual([0, 24, 48, 64, 0, 8]);
  });

  it('are refused when they do not fit into a page', () => {
    expect(() => planGuest([workload(0, 300)], 2, SLOTS, 4096, 1)).toThrow(LanesError);
    expect(() => planGuest([workload(0, 256)], 2, SLOTS, 4096, 1)).not.toThrow();
  });

  it('start sequential streams evenly spaced', () => {
    const sequential: Workload = { ...workload(0, 1), pattern: { kind: 'sequential' }, pages: 90 };
    expect(planGuest([sequential], 3, SLOTS, 4096, 1).streams.map(({ start }) => start)).toEqual([
      0, 30, 60,
    ]);
  });
});
