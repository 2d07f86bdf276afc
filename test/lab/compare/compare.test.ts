import { describe, expect, it } from 'vitest';
import {
  CompareError,
  compareSides,
  type CompareOptions,
} from '../../../src/lab/compare/compare.ts';
import { factsOf } from '../../../src/lab/compare/metrics.ts';
import { compareSchema } from '../../../src/lab/compare/result.ts';
import { comparedRun, type Side } from '../../../src/lab/compare/side.ts';
import type { Cells } from '../../../src/lab/sweep/rows.ts';
import { Generator } from '../../../src/random/generator.ts';

/** A run as a store has it: a scenario with these keys, and a result with these figures. */
interface Made {
  readonly scenario?: Cells;
  readonly seed?: number;
  readonly result?: Cells;
}

function sideOf(made: readonly Made[], runtime = 'virtual'): Side {
  const runs = made.map(({ scenario = {}, seed = 1, result = {} }, i) =>
    comparedRun({
      id: String(i),
      label: 'made',
      scenario: { name: `run ${i}`, runtime, seed, guest_memory: '1GiB', ...scenario },
      result: { outcome: 'completed', ...result },
    }),
  );
  const names = new Set(runs.flatMap(({ figures }) => Object.keys(figures)));
  const metrics = [...names].map(factsOf);
  return { of: 'runs', sources: ['made'], versions: ['0'], hosts: [], runs, metrics, warnings: [] };
}

const options: CompareOptions = { threshold: 0.01, alpha: 0.05 };

/** Compares two sides, and checks that the result has its schema. */
function compared(
  before: readonly Made[],
  after: readonly Made[],
  more: Partial<CompareOptions> = {},
  runtime?: string,
) {
  const found = compareSides(sideOf(before, runtime), sideOf(after, runtime), {
    ...options,
    ...more,
  });
  compareSchema.parse(found.result);
  return found;
}

const seeds = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

/** Runs with a downtime that differs by seed: both sides of a comparison share what the seed does. */
const downtimes = (factor: number, count = 12, scenario: Cells = {}): Made[] =>
  seeds(count).map((seed) => ({
    seed,
    scenario,
    result: { downtimeMs: factor * (100 + 40 * Math.sin(seed)), totalTimeMs: 1000 },
  }));

describe('matching', () => {
  it('leaves out the keys in which each side has one value, and says which these are', () => {
    const at = (memory: string, policy?: string): Made => ({
      scenario: { guest_memory: memory, ...(policy ? { migration_policy: policy } : {}) },
      result: { downtimeMs: 1 },
    });
    const { result } = compared(
      [at('1GiB', 'qemu'), at('2GiB', 'qemu')],
      [at('2048MiB'), at('1GiB'), at('4GiB')],
    );
    expect(result.differing).toEqual([{ key: 'migration_policy', before: 'qemu' }]);
    expect(result.matchedBy).toEqual(['guest_memory']);
    expect(result.points.map(({ scenario }) => scenario)).toEqual([
      { guest_memory: '1GiB' },
      { guest_memory: '2GiB' },
    ]);
    expect(result.onlyAfter).toEqual([{ scenario: { guest_memory: '4GiB' }, runs: 1 }]);
    expect(result.onlyBefore).toEqual([]);
  });

  it('pools the values of a key that is ignored, and pairs those that both sides have', () => {
    const at = (rate: number, policy: string): Made => ({
      scenario: { rate, migration_policy: policy },
      result: { downtimeMs: rate },
    });
    const before = [1, 2, 3].map((rate) => at(rate, 'qemu'));
    const after = [1, 2, 3].map((rate) => at(rate, 'xen'));
    const { result } = compared(before, after, { ignored: new Set(['rate']) });
    expect(result.ignored).toEqual(['rate']);
    expect(result.points).toHaveLength(1);
    expect(result.points[0]!.runs).toEqual({ before: 3, after: 3, pairs: 3 });
    const other = compared(
      before,
      [4, 5, 6].map((rate) => at(rate, 'xen')),
      {
        ignored: new Set(['rate']),
      },
    );
    expect(other.result.points[0]!.changes[0]!.basis).toBe('samples');
  });

  it('refuses sides that have no point in common, and names the keys', () => {
    const at = (memory: string, rate: number): Made => ({
      scenario: { guest_memory: memory, guest_workloads_0_rate: rate },
    });
    const before = [at('1GiB', 1), at('2GiB', 2)];
    const after = [at('1GiB', 3), at('2GiB', 4)];
    expect(() => compared(before, after)).toThrow(CompareError);
    expect(() => compared(before, after)).toThrow(
      'they have no value in common of guest.workloads[0].rate; leave a key out with --ignore KEY',
    );
  });

  it('takes a virtual run with the same seed once, and runs in real time as often as they are there', () => {
    const same = seeds(5).map((): Made => ({ result: { downtimeMs: 5 } }));
    const { result } = compared(same, same);
    expect(result.points[0]!.runs).toEqual({ before: 1, after: 1, pairs: 1 });
    const real = compared(same, same, {}, 'threads').result;
    expect(real.points[0]!.runs).toEqual({ before: 5, after: 5, pairs: 0 });
  });
});

describe('a comparison', () => {
  const only = (found: ReturnType<typeof compared>) => found.result.points[0]!.changes[0]!;

  it('finds by pairs what the scatter over seeds hides', () => {
    const found = compared(downtimes(1), downtimes(1.05), { metrics: ['downtimeMs'] });
    expect(only(found)).toMatchObject({ basis: 'pairs', pairs: 12, verdict: 'worse' });
    expect(only(found).change).toBeCloseTo(0.05);
    expect(only(found).p).toBeCloseTo(2 / 4096);
    expect(found.result.verdict).toBe('worse');
    // With other seeds there are no pairs, and as many runs can't tell.
    const others = downtimes(1.05).map((run) => ({ ...run, seed: run.seed! + 100 }));
    const apart = compared(downtimes(1), others, { metrics: ['downtimeMs'] });
    expect(only(apart)).toMatchObject({ basis: 'samples', pairs: 0, verdict: 'unclear' });
  });

  it('says exactly how one virtual run differs from another, without a probability', () => {
    const before = [{ result: { downtimeMs: 10, rounds: 3, ram_total: 7 } }];
    const { result } = compared(before, [{ result: { downtimeMs: 8, rounds: 4, ram_total: 7 } }]);
    const [downtime, rounds, total] = result.points[0]!.changes;
    expect(downtime).toEqual({
      metric: 'downtimeMs',
      before: { runs: 1, middle: 10, min: 10, max: 10 },
      after: { runs: 1, middle: 8, min: 8, max: 8 },
      basis: 'exact',
      pairs: 1,
      difference: expect.closeTo(-2) as number,
      change: expect.closeTo(-0.2) as number,
      verdict: 'better',
    });
    expect(rounds).toMatchObject({ metric: 'rounds', difference: expect.closeTo(1) as number });
    expect(rounds).not.toHaveProperty('verdict');
    expect(total).toMatchObject({ difference: 0 });
    expect(result.verdict).toBe('better');
  });

  it('has no verdict for too few runs in real time', () => {
    const found = compared(downtimes(1, 2), downtimes(2, 2), {}, 'threads');
    expect(only(found)).toMatchObject({ basis: 'few', difference: expect.any(Number) as number });
    expect(only(found)).not.toHaveProperty('verdict');
    expect([found.isPowerless, found.result.verdict]).toEqual([true, 'unclear']);
  });

  it('says when so few seeds could show nothing, and how many would', () => {
    const found = compared(downtimes(1, 5), downtimes(2, 5), { metrics: ['downtimeMs'] });
    expect(only(found)).toMatchObject({ verdict: 'unclear', p: expect.closeTo(2 / 32) as number });
    expect(found.isPowerless).toBe(true);
    expect(found.result.warnings).toEqual([
      expect.stringContaining('6 seeds that both sides have would do for 1 test') as string,
    ]);
    const enough = compared(downtimes(1, 6), downtimes(2, 6), { metrics: ['downtimeMs'] });
    expect([enough.isPowerless, enough.result.verdict]).toEqual([false, 'worse']);
  });

  it('says how many runs of each side would do where seeds are no pairs', () => {
    const again = (factor: number) => downtimes(factor, 3).map((run) => ({ ...run, seed: 1 }));
    const found = compared(again(1), again(2), { metrics: ['downtimeMs'] }, 'threads');
    // Of the 20 ways to deal six values in two threes, two are as extreme as any.
    expect(only(found).p).toBeCloseTo(0.1, 1);
    expect(found.result.warnings).toEqual([
      expect.stringContaining('4 runs of each side would do for 1 test') as string,
    ]);
  });

  it('puts points together that show nothing alone', () => {
    const grid = (factor: number): Made[] =>
      ['1GiB', '2GiB', '4GiB'].flatMap((memory) => downtimes(factor, 4, { guest_memory: memory }));
    const found = compared(grid(1), grid(1.2), { metrics: ['downtimeMs'] });
    const [summary] = found.result.summary;
    expect(summary).toMatchObject({ points: 3, worse: 0, unclear: 3, verdict: 'worse' });
    expect(summary!.change).toBeCloseTo(0.2);
    expect(summary!.p).toBeLessThan(0.01);
    expect(found.isPowerless).toBe(false);
  });

  it('counts runs that complete over all points, where most points have no change', () => {
    const grid = (completing: number): Made[] =>
      ['1GiB', '2GiB', '4GiB', '8GiB'].flatMap((memory, i) =>
        seeds(6).map((seed) => ({
          seed,
          scenario: { guest_memory: memory },
          result: { outcome: i < completing ? 'completed' : 'diverged', downtimeMs: 5 },
        })),
      );
    const { result } = compared(grid(4), grid(3), { metrics: ['completed'] });
    expect(result.summary[0]).toMatchObject({ difference: -0.25, verdict: 'worse' });
  });

  it('is mixed when points contradict each other', () => {
    const at = (memory: string, downtimeMs: number): Made => ({
      scenario: { guest_memory: memory },
      result: { downtimeMs },
    });
    const { result } = compared([at('1GiB', 1), at('2GiB', 2)], [at('1GiB', 2), at('2GiB', 1)]);
    expect(result.summary[0]).toMatchObject({ better: 1, worse: 1, verdict: 'mixed' });
    expect(result.verdict).toBe('mixed');
  });

  it('compares differences where a figure can be 0', () => {
    const blocked = (ms: number, count = 12): Made[] =>
      seeds(count).map((seed) => ({ seed, result: { faults_blockedMs: ms * (1 + (seed % 3)) } }));
    const found = compared(blocked(0), blocked(4), { metrics: ['faults_blockedMs'] });
    expect(only(found)).toMatchObject({ difference: 8, verdict: 'worse' });
    expect(only(found)).not.toHaveProperty('change');
  });

  it('compares how many runs complete, and the figures of those alone', () => {
    const ending = (completed: number): Made[] =>
      seeds(10).map((seed) => ({
        seed,
        result:
          seed <= completed
            ? { downtimeMs: 5, totalTimeMs: 10 }
            : { outcome: 'diverged', totalTimeMs: 60_000 },
      }));
    const { result } = compared(ending(10), ending(3));
    const [completed, downtime, total] = result.points[0]!.changes;
    expect(completed).toMatchObject({
      metric: 'completed',
      before: { middle: 1 },
      after: { middle: 0.3 },
      difference: expect.closeTo(-0.7) as number,
      verdict: 'worse',
    });
    expect(downtime).toMatchObject({ metric: 'downtimeMs', pairs: 3, verdict: 'same' });
    expect(total).toMatchObject({ after: { runs: 3, middle: 10 } });
    expect(result.points[0]!.outcomes.after).toEqual({ completed: 3, diverged: 7 });
    expect(result.warnings[0]).toContain('7 of 20 runs did not complete');
  });

  it('names what only one side has, and refuses a figure that none has', () => {
    const found = compared(downtimes(1, 3), [{ result: { totalTimeMs: 900, resumeTimeMs: 3 } }]);
    expect(found.result.notCompared).toEqual([
      'downtimeMs: 3 runs before have it, 0 after',
      'resumeTimeMs: 0 runs before have it, 1 after',
    ]);
    expect(() => compared([{ result: { downtimeMs: 1 } }], [{}])).toThrow(
      'no figure is there at both sides: downtimeMs: 1 runs before have it, 0 after',
    );
    expect(() => compared(downtimes(1), downtimes(1), { metrics: ['downtimeMS'] })).toThrow(
      '--metric downtimeMS: no run has this figure (did you mean downtimeMs?)',
    );
  });

  it('tells the speed of the guest, of which more is better, not the number of its accesses', () => {
    const at = (totalTimeMs: number): Made => ({
      result: { totalTimeMs, guest_accessesDuring: 3 * totalTimeMs },
    });
    const { result } = compared([at(1000)], [at(2000)]);
    const speed = result.points[0]!.changes.find(({ metric }) => metric.endsWith('SecondDuring'));
    expect(speed).toMatchObject({ before: { middle: 3000 }, change: 0, verdict: 'same' });
    expect(factsOf('guest_accessesDuring')).toEqual({
      name: 'guest_accessesDuring',
      unit: 'count',
    });
  });

  it('raises a false alarm in few comparisons of equal sides', () => {
    const random = new Generator(21);
    const noise = (): Made[] =>
      seeds(8).map((seed) => ({
        seed,
        result: {
          downtimeMs: 50 + (random.next() >>> 27),
          totalTimeMs: 900 + (random.next() >>> 24),
        },
      }));
    let alarms = 0;
    for (let i = 0; i < 40; i++) {
      const { verdict } = compared(noise(), noise()).result;
      if (verdict !== 'same' && verdict !== 'unclear') alarms++;
    }
    // 0.05 of 40 are 2.
    expect(alarms).toBeLessThan(7);
  });
});
