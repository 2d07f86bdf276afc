import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { compareSides } from '../../../src/lab/compare/compare.ts';
import { readSide } from '../../../src/lab/compare/read.ts';
import { BENCH_SCHEMA, type BenchOutcome } from '../../../src/lab/bench/outcome.ts';
import { RUNS_SCHEMA } from '../../../src/lab/bench/runs-file.ts';
import { Store } from '../../../src/lab/sweep/store.ts';
import { hostFacts } from '../../../src/result/host.ts';

const folder = mkdtempSync(join(tmpdir(), 'pageferry-compare-test-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, value: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}

/** The parts of a result that matter here. */
const run = (seed: number, downtimeMs: number) => ({
  schema: 'pageferry/run@1',
  version: '0',
  scenario: {
    name: 'x',
    seed,
    runtime: 'virtual',
    guest: { memory: '1GiB', workloads: [{ rate: 5 }] },
  },
  runtime: 'virtual',
  outcome: 'completed',
  totalTimeMs: 1000,
  downtimeMs,
  rounds: [{ index: 1 }, { index: 2, stopped: true }],
  guest: { accessesDuring: 500 },
  something: { newer: 1 },
});

const bench = (us: number, options = { log: 'bitmap' }): BenchOutcome => ({
  schema: BENCH_SCHEMA,
  version: '0',
  commit: 'abc',
  bench: 'dirty-log',
  options,
  host: hostFacts(),
  metrics: [
    { of: 'log', name: 'get', unit: 'us', better: 'less', samples: [us, us, 9 * us] },
    { of: 'log', name: 'pages', unit: 'found', better: 'less', samples: [7], isFact: true },
  ],
});

describe('reading a side', () => {
  it('takes results of runs, with what later versions add to them', () => {
    const side = readSide([write('a.json', run(1, 5)), write('b.json', run(2, 6))]);
    expect(side).toMatchObject({ of: 'runs', versions: ['0'] });
    expect(side.runs[1]).toMatchObject({
      seed: 2,
      isExact: true,
      scenario: { guest_memory: '1GiB', guest_workloads_0_rate: 5 },
      figures: {
        completed: 1,
        downtimeMs: 6,
        rounds: 1,
        something_newer: 1,
        guest_accessesPerSecondDuring: 500,
      },
    });
    expect(side.runs[0]!.figures).not.toHaveProperty('wallMs');
  });

  it('takes the store of a sweep', () => {
    const at = join(folder, 'store');
    const store = Store.openToWrite(at);
    const scenario = { seed: 3, runtime: 'threads', guest_memory: '1GiB' };
    store.add(
      { id: 'aa', label: 'x', scenario, result: { outcome: 'completed', downtimeMs: 4 } },
      `${JSON.stringify({ version: '7', host: hostFacts() })}\n`,
    );
    store.close();
    const side = readSide([at]);
    expect(side).toMatchObject({ versions: ['7'], runs: [{ seed: 3, isExact: false }] });
    expect(side.hosts).toHaveLength(1);
    Store.openToWrite(join(folder, 'empty')).close();
    expect(() => readSide([join(folder, 'empty')])).toThrow('is a store without runs');
  });

  it('takes results of a bench, of which it compares what bench compares', () => {
    const runs = (us: number) => ({
      schema: RUNS_SCHEMA,
      runs: Array.from({ length: 8 }, (_, i) => bench(us + i / 100)),
    });
    const before = readSide([write('before.json', runs(10))]);
    const after = readSide([write('after.json', runs(12)), write('one.json', bench(12))]);
    expect(after.runs).toHaveLength(9);
    const { result } = compareSides(before, after, { threshold: 0.05, alpha: 0.05 });
    expect(result.of).toBe('bench');
    expect(result.metrics).toEqual([{ name: 'log: get', unit: 'us', better: 'less' }]);
    // The best tenth of the samples stands for a run.
    expect(result.points[0]!.changes[0]).toMatchObject({ basis: 'samples', verdict: 'worse' });
    expect(result.summary[0]!.change).toBeCloseTo(0.2, 2);
    const others = readSide([write('others.json', bench(12, { log: 'ring' }))]);
    const differing = compareSides(before, others, { threshold: 0.05, alpha: 0.05 }).result;
    expect(differing.differing).toEqual([{ key: 'log', before: 'bitmap', after: 'ring' }]);
  });

  it('says what is wrong with a file', () => {
    const wrong: [unknown, string][] = [
      ['{', 'is no JSON: expected a result of run or bench'],
      [{ schema: 'pageferry/evacuation@1' }, 'its schema is pageferry/evacuation@1'],
      [[], 'it has no schema'],
      [null, 'it has no schema'],
      [{ ...run(1, 1), outcome: 3 }, 'outcome: expected text, got 3'],
      [{ schema: RUNS_SCHEMA, runs: [{ schema: BENCH_SCHEMA }] }, 'runs[0].version: '],
    ];
    for (const [value, sentence] of wrong) {
      expect(() => readSide([write('wrong.json', value)])).toThrow(sentence);
    }
    expect(() => readSide([join(folder, 'none.json')])).toThrow('none.json: there is no such file');
    expect(() => readSide([folder])).toThrow('is a folder, and no store of a sweep');
    const mixed = [write('a.json', run(1, 5)), write('one.json', bench(12))];
    expect(() => readSide(mixed)).toThrow('are runs and results of a bench: compare the one');
  });
});
