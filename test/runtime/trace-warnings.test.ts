import { describe, expect, it } from 'vitest';
import type { Workload } from '../../src/guest/workload.ts';
import { tracesTooShort } from '../../src/runtime/common/trace-warnings.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { smallRun } from '../support/run-config.ts';

const WARNING =
  /^guest\.workloads\[0\]\.trace: the trace lasts (\S+ \S+), and the migration (.*?) after/;

/** A trace of some intervals of 10 ms, each with 8 pages of its own. */
function traced(
  intervals: number,
  end: 'loop' | 'hold',
  changes: Partial<Workload> = {},
): Workload {
  const lists = Array.from({ length: intervals }, (_, i) =>
    Uint32Array.from({ length: 8 }, (__, k) => 8 * i + k),
  );
  const trace = { intervalNs: 10e6, endGfn: 8 * intervals, intervals: lists };
  const region = { firstGfn: 0, pages: 8 * intervals };
  return {
    ...region,
    pattern: { kind: 'trace', intervals: trace, speed: 2, end },
    rate: Infinity,
    writes: 1,
    wordsPerPage: 1,
    fromNs: 0,
    untilNs: Infinity,
    ...changes,
  };
}

/** The migration begins after 20 ms; its first pass alone sends some 6 MiB at 100 MB/s. */
const run = (workload: Workload, changes: Parameters<typeof smallRun>[0] = {}): RunConfig =>
  smallRun({ ...changes, runtime: 'virtual', guest: { workloads: [workload], ...changes.guest } });

describe('a trace that is shorter than its migration', () => {
  it.each(['loop', 'hold'] as const)('is told of before and after the run (%s)', async (end) => {
    const config = run(traced(4, end));
    const [before, ...others] = tracesTooShort(config);
    expect(others).toEqual([]);
    // 1639 of 2048 pages are not zero; a twentieth of them is taken off, to be sure.
    expect(WARNING.exec(before!)!.slice(1)).toEqual(['20 ms', 'will end no earlier than 83.8 ms']);
    const { guest, source } = await runVirtual(config);
    const [after] = guest.warnings!;
    const [, length, when] = WARNING.exec(after!)!;
    expect(length).toBe('20 ms');
    expect(Number(/^ended ([\d.]+) ms$/.exec(when!)![1])).toBeCloseTo(source.endNs / 1e6, 0);
    expect(after!.includes('played again')).toBe(end === 'loop');
    expect(after!.includes('trace.end: loop')).toBe(end === 'hold');
  });

  it('is not told of when the trace goes on to the end, begins late or stops early', async () => {
    for (const workload of [
      traced(100, 'loop'),
      traced(4, 'loop', { fromNs: 100e9 }),
      traced(4, 'loop', { untilNs: 20e6 }),
    ]) {
      expect(tracesTooShort(run(workload))).toEqual([]);
      expect((await runVirtual(run(workload))).guest.warnings).toBeUndefined();
    }
  });

  it('shows only after the run when the link or what is zero may let the migration end in time', async () => {
    const unlimited = run(traced(6, 'loop'), { link: { bytesPerSecond: Infinity } });
    expect(tracesTooShort(unlimited)).toEqual([]);
    const zeros = run(traced(6, 'loop'), { guest: { contents: [] } });
    expect(tracesTooShort(zeros)).toEqual([]);
    const pages = 2048;
    const twice = Array.from({ length: 2 }, () => ({
      firstGfn: 0,
      pages,
      kind: 'random' as const,
      zeroShare: 0.9,
    }));
    // The second entry hides the first, so that most pages are zero.
    expect(tracesTooShort(run(traced(8, 'loop'), { guest: { contents: twice } }))).toEqual([]);
    expect(tracesTooShort(run(traced(8, 'loop')))).toHaveLength(1);
  });

  it('is not told of when the guest was held up so long that the trace has not ended', async () => {
    // Each access takes 5 ms, so that 64 of them take 320 ms, longer than the run.
    const config = run(traced(8, 'loop', { vcpu: 0, catchUpNs: Infinity }), {
      costs: { accessNs: 5e6 },
    });
    expect((await runVirtual(config)).guest.warnings).toBeUndefined();
    expect((await runVirtual(run(traced(8, 'loop')))).guest.warnings).toHaveLength(1);
  });
});
