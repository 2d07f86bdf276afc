import { describe, expect, it } from 'vitest';
import { compareText } from '../../src/cli/compare-table.ts';
import type { Change, CompareResult, Summary } from '../../src/lab/compare/result.ts';
import { compareJunit, compareMarkdown } from '../../src/report/compare.ts';
import { parseXml } from '../support/xml.ts';

const change = (parts: Partial<Change> = {}): Change => ({
  metric: 'downtimeMs',
  before: { runs: 12, middle: 100, min: 90, max: 110 },
  after: { runs: 12, middle: 120, min: 110, max: 130 },
  basis: 'pairs',
  pairs: 12,
  difference: 20,
  differenceInterval: [15, 25],
  change: 0.2,
  changeInterval: [0.15, 0.25],
  cliffsDelta: 0.9,
  p: 0.00001,
  verdict: 'worse',
  ...parts,
});

const summary: Summary = {
  metric: 'downtimeMs',
  points: 2,
  better: 0,
  worse: 1,
  same: 0,
  unclear: 1,
  change: 0.2,
  changeInterval: [0.15, 0.25],
  changeRange: [-0.05, 12],
  difference: 20,
  differenceRange: [-5, 1200],
  p: 0.01,
  verdict: 'worse',
};

const result = (changes: readonly (readonly Change[])[], more: Partial<CompareResult> = {}) =>
  ({
    schema: 'pageferry/compare@1',
    version: '0',
    of: 'runs',
    before: { sources: ['a.sweep'], runs: 24, versions: ['0.1.0'] },
    after: { sources: ['b', 'c', 'd', 'e'], runs: 1, versions: [] },
    method: {
      threshold: 0.01,
      alpha: 0.05,
      interval: 'bootstrap percentile',
      resamples: 1999,
      seed: 1,
      test: 'permutation, two-sided, Holm',
      effect: "Cliff's delta",
    },
    differing: [{ key: 'migration_policy', before: 'qemu' }],
    matchedBy: changes.length > 1 ? ['guest_workloads_0_rate'] : [],
    ignored: [],
    metrics: [
      { name: 'downtimeMs', unit: 'ms', better: 'less' },
      { name: 'rounds', unit: 'count' },
      { name: 'ram_transferred', unit: 'bytes', better: 'less' },
    ],
    summary: [summary],
    points: changes.map((all, i) => ({
      scenario: changes.length > 1 ? { guest_workloads_0_rate: 1000 * i } : {},
      runs: { before: 12, after: 12, pairs: 12 },
      outcomes: { before: { completed: 12 }, after: { completed: 12 } },
      changes: [...all],
    })),
    onlyBefore: [{ scenario: { guest_workloads_0_rate: 7 }, runs: 3 }],
    onlyAfter: [],
    notCompared: ['resumeTimeMs: 0 runs before have it, 12 after'],
    warnings: ['made up'],
    verdict: 'worse',
    ...more,
  }) satisfies CompareResult;

const exact = (parts: Partial<Change>): Change => {
  const {
    p: _,
    cliffsDelta: __,
    changeInterval: ___,
    differenceInterval: ____,
    ...rest
  } = change();
  return { ...rest, basis: 'exact', ...parts };
};

describe('a comparison as text', () => {
  it('says what is compared, how much it changed, and what stands behind it', () => {
    const lines = compareText(result([[change()]]), {}).split('\n');
    expect(lines.slice(0, 4)).toEqual([
      'before: a.sweep (24 runs of 0.1.0)',
      'after: b and 3 more (1 run)',
      'one scenario: worse',
      'they differ in migration.policy qemu → (none)',
    ]);
    expect(lines[6]).toMatch(
      /^downtimeMs +100 ms +120 ms +\+20\.0 % worse +\+15\.0 % to \+25\.0 % +<0\.0001 +0\.90 +worse$/,
    );
    expect(lines).toContain('only before: guest.workloads[0].rate 7');
    expect(lines).toContain('not compared: resumeTimeMs: 0 runs before have it, 12 after');
    expect(lines).toContain('note: made up');
    expect(lines.at(-2)).toMatch(/^pairs of runs with one seed: .* beyond 1\.0 %, .* below 0\.05/);
  });

  it('lists points that changed below the summary, the worst first', () => {
    const text = compareText(
      result([
        [change({ change: -0.3, difference: -30, verdict: 'better' })],
        [change({ change: 12, difference: 1200 })],
        [change({ verdict: 'unclear' })],
      ]),
      {},
    );
    expect(text).toMatch(/3 points that both have, by guest\.workloads\[0\]\.rate: worse/);
    expect(text).toMatch(/\ndowntimeMs .* −5\.0 % to ×13\.0 /);
    const rows = text.split('\n').filter((line) => /^(?:0|1000|2000) /.test(line));
    expect(rows.map((row) => row.split(' ')[0])).toEqual(['1000', '0']);
    expect(rows[0]).toContain('×13.0 worse');
    expect(rows[1]).toContain('−30.0 % better');
  });

  it('names the columns for which a narrow terminal has no room', () => {
    const text = compareText(result([[change()]]), { isTTY: true, columns: 60 });
    for (const line of text.split('\n').slice(5, 7)) expect(line.length).toBeLessThanOrEqual(60);
    expect(text).toMatch(/\n\(not shown for lack of room: before, after, p, delta; --json/);
  });

  it('leaves out equal figures of exact runs, and has no column for what they have not', () => {
    const equal = { runs: 1, middle: 5, min: 5, max: 5 };
    const text = compareText(
      result([
        [
          exact({ change: 0.0001, difference: 0.01, verdict: 'same' }),
          exact({ metric: 'rounds', before: equal, after: equal, change: 0, difference: 0 }),
        ],
      ]),
      {},
    );
    expect(text).toMatch(/\nmetric +before +after +change +verdict\n/);
    expect(text).toContain('+0.010 % worse');
    expect(text).toContain('\nequal: rounds\n');
    expect(text).toContain('virtual runs with the same seed have no noise');
  });

  it('shows a difference in its unit where there is no share', () => {
    const { change: _, changeInterval: __, ...noShare } = change({ metric: 'ram_transferred' });
    const text = compareText(
      result([
        [{ ...noShare, difference: 3 * 2 ** 20, differenceInterval: [-(2 ** 20), 2 ** 22] }],
      ]),
      {},
    );
    expect(text).toMatch(/ \+3 MiB worse +−1 MiB to \+4 MiB /);
  });
});

describe('a comparison for a CI', () => {
  it('is Markdown with what is compared, a table and notes', () => {
    const text = compareMarkdown(result([[change()]]));
    expect(text).toContain('### compare: worse\n\n- before: a.sweep (24 runs of 0.1.0)\n');
    expect(text).toContain('| downtimeMs | 100 ms | 120 ms | +20.0 % worse |');
    expect(text).toContain('\n- note: made up\n');
  });

  it('is JUnit in which what is worse fails, and what has no verdict is skipped', () => {
    const few = exact({ metric: 'ram_transferred', basis: 'few' });
    delete few.verdict;
    const xml = compareJunit(
      result([[change(), few, exact({ metric: 'rounds' })], [change({ verdict: 'same' })]]),
      1,
    );
    const [suite] = parseXml(xml).children;
    const cases = suite!.children.filter(({ name }) => name === 'testcase');
    expect(
      cases.map(({ attributes, children }) => [attributes['name'], children[0]!.name]),
    ).toEqual([
      ['downtimeMs at guest.workloads[0].rate 0', 'failure'],
      ['ram_transferred at guest.workloads[0].rate 0', 'skipped'],
      ['downtimeMs at guest.workloads[0].rate 1000', 'system-out'],
      ['resumeTimeMs', 'skipped'],
    ]);
    expect(suite!.attributes).toMatchObject({ tests: '4', failures: '1', skipped: '2' });
  });
});
