import { describe, expect, it } from 'vitest';
import { reportHtml } from '../../../src/report/html/page.ts';
import { sweepCharts } from '../../../src/report/html/sweep/charts.ts';
import { gridOf, runsAlong } from '../../../src/report/html/sweep/grid.ts';
import { sweepReport } from '../../../src/report/html/sweep/report.ts';
import { sampleRecords, sweepRecord } from './samples.ts';

describe('what varies in a sweep', () => {
  it('is its quantities in their units and its names, not its seeds', () => {
    const { quantities, names } = gridOf(sampleRecords());
    expect(quantities).toEqual([
      {
        column: 'link_bandwidthBytesPerSecond',
        key: 'link.bandwidth',
        quantity: { unit: 'Gbit/s', factor: 8e-9 },
      },
    ]);
    expect(names).toEqual([{ column: 'migration_algorithm', key: 'migration.algorithm' }]);
  });

  it('is looked at alone where keys vary one at a time', () => {
    const star = gridOf(
      [1, 2, 4]
        .map((gbit) => sweepRecord(gbit, 1))
        .concat([10, 100].map((rate) => sweepRecord(1, 1, { rate }))),
    );
    const along = star.quantities.find(({ key }) => key === 'link.bandwidth');
    expect(runsAlong(star, along!)).toHaveLength(3);
    const whole = gridOf(
      [1, 2].flatMap((gbit) => [10, 100].map((rate) => sweepRecord(gbit, 1, { rate }))),
    );
    expect(runsAlong(whole, whole.quantities[0]!)).toHaveLength(4);
  });
});

describe('the charts of a sweep', () => {
  it('have medians over the runs that completed, with their quartiles, by name', () => {
    const [downtime] = sweepCharts(gridOf(sampleRecords()));
    expect(downtime).toMatchObject({
      title: 'Downtime over link.bandwidth',
      x: { label: 'link.bandwidth', unit: 'Gbit/s', isLog: true },
    });
    const [precopy, postcopy] = downtime!.panels[0]!.series;
    expect(precopy!.points.map(({ x, y }) => [x, y])).toEqual([
      [1, 102],
      [10, 12],
    ]);
    expect(postcopy!.points[0]).toEqual({ x: 0.5, y: 202, low: 201.5, high: 202.5 });
  });

  it('say what share of the runs completed, when not all did', () => {
    const charts = sweepCharts(gridOf(sampleRecords()));
    const [precopy] = charts.find(({ id }) => id === 'completed-over-link-bandwidth')!.panels[0]!
      .series;
    expect(precopy!.points.map(({ y }) => y)).toEqual([0, 100, 100]);
    const completed = sampleRecords().filter(({ result }) => result['outcome'] === 'completed');
    expect(sweepCharts(gridOf(completed)).map(({ id }) => id)).not.toContain(
      'completed-over-link-bandwidth',
    );
  });

  it('have a line for each value of a second quantity, without formulas', () => {
    const records = [1, 2].flatMap((gbit) =>
      [10, 100].map((rate) => sweepRecord(gbit, 1, { rate })),
    );
    const chart = sweepCharts(gridOf(records)).find(
      ({ title }) => title === 'Downtime over link.bandwidth',
    )!;
    expect(chart.panels[0]!.series.map(({ name }) => name)).toEqual(['rate 10', 'rate 100']);
  });
});

describe('the report of a sweep', () => {
  const report = sweepReport({ name: 'grid', records: sampleRecords() });

  it('says how many runs completed, and how long their downtimes were', () => {
    expect(report.answer).toBe(
      '15 of 18 runs over 2 varying keys completed (3 diverged). Their downtime was between 11 ms and 203 ms, with a median of 101 ms.',
    );
    expect(report.tone).toBe('plain');
  });

  it('says of one run what became of it, as it has no range', () => {
    const { answer } = sweepReport({ name: 'one', records: [sweepRecord(1, 1)] });
    expect(answer).toMatch(/^1 of 1 run completed\. Its downtime was \d+ ms\.$/);
  });

  it('names the runs that did not complete, with the reason', () => {
    const { blocks } = report.sections.find(({ title }) => title === 'Runs that did not complete')!;
    expect(blocks[0]).toMatchObject({ table: { rows: expect.objectContaining({ length: 3 }) } });
    expect(JSON.stringify(blocks)).toContain('no convergence');
  });

  it('stays below 1.5 MB for thousands of runs, and says what is left out', () => {
    const many = Array.from({ length: 2500 }, (_, i) => sweepRecord(1 + (i % 7), i));
    const html = reportHtml(sweepReport({ name: 'many', records: many }));
    expect(html.length).toBeLessThan(1.5e6);
    expect(html).toContain('more runs are in the store');
  });
});
