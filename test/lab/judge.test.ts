import { describe, expect, it } from 'vitest';
import { judge } from '../../src/lab/bench/judge.ts';
import { BENCH_SCHEMA, type BenchOutcome } from '../../src/lab/bench/outcome.ts';
import { hostFacts } from '../../src/result/host.ts';
import { median } from '../../src/lab/statistics.ts';
import { Generator } from '../../src/random/generator.ts';

const RUNS = 15;

interface Shape {
  /** Of each metric: its typical value, by how much runs differ (a share), and samples in a run. */
  readonly get: number;
  readonly speed: number;
  readonly noise?: number;
}

/** Runs of a bench with a metric of time and one of speed; drift is what the machine does to both. */
function runs(random: Generator, { get, speed, noise = 0.03 }: Shape, drift: readonly number[]) {
  return drift.map((factor): BenchOutcome => {
    const draw = (): number => 1 + noise * (random.next() / 2 ** 31 - 1);
    return {
      schema: BENCH_SCHEMA,
      version: '0',
      bench: 'made-up',
      options: {},
      host: hostFacts(),
      metrics: [
        { of: 'log', name: 'get', unit: 'us', better: 'less', samples: [get * factor * draw()] },
        {
          of: 'log',
          name: 'speed',
          unit: 'GB/s',
          better: 'more',
          samples: [(speed / factor) * draw()],
        },
        {
          of: 'log',
          name: 'pages',
          unit: 'found',
          better: 'less',
          samples: [7 * factor],
          isFact: true,
        },
      ],
    };
  });
}

const steady = Array.from({ length: RUNS }, () => 1);
const options = { isPaired: true, threshold: 0.05, alpha: 0.01 };

function verdicts(before: BenchOutcome[], after: BenchOutcome[], isPaired = true) {
  const { judgements } = judge(before, after, { ...options, isPaired });
  return Object.fromEntries(judgements.map(({ name, verdict }) => [name, verdict]));
}

describe('judging two versions', () => {
  it('finds what has become 20 % slower, and nothing else', () => {
    const random = new Generator(1);
    const before = runs(random, { get: 10, speed: 4 }, steady);
    const after = runs(random, { get: 12, speed: 4 }, steady);
    expect(verdicts(before, after)).toEqual({ get: 'regression', speed: 'same' });
    expect(verdicts(before, after, false)).toEqual({ get: 'regression', speed: 'same' });
    expect(verdicts(after, before)).toEqual({ get: 'improvement', speed: 'same' });
  });

  it('knows that less speed is worse', () => {
    const random = new Generator(2);
    const before = runs(random, { get: 10, speed: 4 }, steady);
    const after = runs(random, { get: 10, speed: 3.2 }, steady);
    expect(verdicts(before, after)).toEqual({ get: 'same', speed: 'regression' });
    const [, speed] = judge(before, after, options).judgements;
    expect(speed!.worseBy).toBeCloseTo(0.25, 1);
  });

  it('is not misled by a machine that changes its speed, since pairs share it', () => {
    const random = new Generator(3);
    const drift = Array.from({ length: RUNS }, (_, i) => (i < 7 ? 1 : 2));
    const before = runs(random, { get: 10, speed: 4 }, drift);
    const after = runs(random, { get: 12, speed: 4 }, drift);
    expect(verdicts(before, after)).toEqual({ get: 'regression', speed: 'same' });
  });

  it('shows what is compared: the medians of drifting versions say the opposite of their pairs', () => {
    const random = new Generator(10);
    // The machine is slow in half of the pairs, once more for the old version than for the new one.
    const drift = Array.from({ length: RUNS }, (_, i) => (i < 7 ? 1 : 2));
    const before = runs(random, { get: 10, speed: 4, noise: 0.01 }, drift);
    const after = runs(random, { get: 15, speed: 4, noise: 0.01 }, drift).map((run, i) => {
      const [get, ...others] = run.metrics;
      const isLucky = i === 7;
      const samples = isLucky ? [9] : get!.samples;
      return { ...run, metrics: [{ ...get!, samples }, ...others] };
    });
    const medianOf = (outcomes: BenchOutcome[]): number =>
      median(outcomes.map(({ metrics }) => metrics[0]!.samples[0]!));
    // Side by side, the new version's median is the better one, though all pairs but one are slower.
    expect(medianOf(after)).toBeLessThan(medianOf(before));
    const [get] = judge(before, after, options).judgements;
    expect(get!.verdict).toBe('regression');
    expect(get!.change).toBeCloseTo(0.5, 1);
    expect(get!.after).toBeCloseTo(get!.before * (1 + get!.change), 9);
    expect(get!.after).toBeGreaterThan(get!.before);
    const [low, high] = get!.interval;
    expect(low).toBeLessThan(get!.change);
    expect(high).toBeGreaterThan(get!.change);
    expect(low).toBeGreaterThan(0);
  });

  it('gives the change of a speed with the sign of the figure', () => {
    const random = new Generator(11);
    const before = runs(random, { get: 10, speed: 4 }, steady);
    const after = runs(random, { get: 10, speed: 3.2 }, steady);
    const [, speed] = judge(before, after, options).judgements;
    expect(speed!.change).toBeCloseTo(-0.2, 1);
    expect(speed!.after).toBeCloseTo(3.2, 1);
    const [low, high] = speed!.interval;
    expect(low).toBeLessThan(-0.15);
    expect(high).toBeLessThan(0);
    expect(low).toBeLessThan(high);
  });

  it('raises a false alarm in at most a few of a hundred comparisons of equal versions', () => {
    const random = new Generator(4);
    let alarms = 0;
    for (let i = 0; i < 100; i++) {
      const shape = { get: 10, speed: 4, noise: 0.3 };
      const values = Object.values(
        verdicts(runs(random, shape, steady), runs(random, shape, steady)),
      );
      if (values.includes('regression')) alarms++;
    }
    expect(alarms).toBeLessThan(4);
  });

  it('says nothing of a change within the threshold, however sure it is', () => {
    const random = new Generator(5);
    const before = runs(random, { get: 10, speed: 4, noise: 0.001 }, steady);
    const after = runs(random, { get: 10.3, speed: 4, noise: 0.001 }, steady);
    const [get] = judge(before, after, options).judgements;
    expect(get).toMatchObject({ verdict: 'same' });
    expect(get!.p).toBeLessThan(0.01);
    const [back] = judge(after, before, options).judgements;
    expect(back).toMatchObject({ verdict: 'same' });
    expect(back!.p).toBeLessThan(0.01);
  });

  it('looks at the best samples of a run, which other work has not disturbed', () => {
    const random = new Generator(9);
    const disturbed = (outcomes: BenchOutcome[], factor: number): BenchOutcome[] =>
      outcomes.map((outcome) => ({
        ...outcome,
        metrics: outcome.metrics.map((metric) => {
          const [sample] = metric.samples;
          const worse = metric.better === 'less' ? sample! * factor : sample! / factor;
          return { ...metric, samples: [sample!, sample!, sample!, worse, worse, worse, worse] };
        }),
      }));
    const before = disturbed(runs(random, { get: 10, speed: 4 }, steady), 2);
    const after = disturbed(runs(random, { get: 10, speed: 4 }, steady), 5);
    expect(verdicts(before, after)).toEqual({ get: 'same', speed: 'same' });
  });

  it('leaves out facts, and says what only one version measures', () => {
    const random = new Generator(6);
    const extra = { of: 'new', name: 'new', unit: 'us', better: 'less' as const, samples: [1] };
    const before = runs(random, { get: 10, speed: 4 }, steady);
    const after = runs(random, { get: 10, speed: 4 }, steady).map((outcome) => ({
      ...outcome,
      metrics: [extra, ...outcome.metrics],
    }));
    expect(Object.keys(verdicts(before, after))).toEqual(['get', 'speed']);
    expect(judge(before, after, options).notCompared).toEqual([
      'new: new us (missing in 15 runs before, 0 after)',
    ]);
    expect(Object.keys(verdicts(after, before))).toEqual(['get', 'speed']);
  });

  it('drops a pair whole when one of its runs lacks the metric', () => {
    const random = new Generator(7);
    const drift = Array.from({ length: RUNS }, (_, i) => 2 ** (i % 5));
    const lacking = (outcomes: BenchOutcome[], which: number): BenchOutcome[] =>
      outcomes.map((outcome, i) =>
        i === which ? { ...outcome, metrics: outcome.metrics.slice(1) } : outcome,
      );
    const before = lacking(runs(random, { get: 10, speed: 4 }, drift), 3);
    const after = lacking(runs(random, { get: 12, speed: 4 }, drift), 0);
    expect(verdicts(before, after)).toEqual({ get: 'regression', speed: 'same' });
  });

  it('says when so few runs could show nothing', () => {
    const random = new Generator(8);
    const few = (get: number) => runs(random, { get, speed: 4 }, [1, 1, 1, 1, 1, 1]);
    expect(judge(few(10), few(30), options).isPowerless).toBe(true);
    expect(judge(few(10), few(30), { ...options, alpha: 0.05 }).isPowerless).toBe(false);
  });
});
