import { describe, expect, it } from 'vitest';
import { measurementsOf, vectorOf, vectorTable, withOnly } from '../../src/cli/dirty-vector.ts';
import { loadScenario } from '../../src/scenario/load.ts';

const { scenario, config } = loadScenario('dirty-vector');

describe('the measurement of a dirty-rate vector', () => {
  it('takes the periods of the points, in their order, of that workload alone', () => {
    const vector = vectorOf(scenario);
    expect(measurementsOf(vector).map(({ mode, periodNs }) => [mode, periodNs])).toEqual(
      [125, 500, 1000, 5000, 10_000].map((ms) => ['dirty-bitmap', ms * 1e6]),
    );
    const [own] = config.guest.workloads;
    const other = { ...own!, rate: 3 };
    const both = { ...config, guest: { ...config.guest, workloads: [other, own!] } };
    expect(withOnly(both, 1).guest.workloads).toEqual([own]);
  });

  it('needs exactly one such workload', () => {
    const message = (name: string, sets: string[] = []): string => {
      try {
        vectorOf(loadScenario(name, sets).scenario);
        return '';
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(message('quick')).toMatch(/^--vector: .* the scenario has 0: /);
    expect(message('dirty-vector')).toBe('');
  });

  it('is shown beside what was asked for and what was fitted', () => {
    const point = { afterMs: 125, pages: 1200, fittedPages: 1201 };
    const table = vectorTable({
      workload: 0,
      worstError: 0,
      points: [
        { ...point, measuredPages: 1230, error: 0.025 },
        { ...point, measuredPages: 1140, error: -0.05 },
        { ...point, measuredPages: 1200, error: -0.0002 },
      ],
    });
    const lines = table.trimEnd().split('\n');
    expect(lines.slice(1).map((line) => line.trim().split(/ {2,}/))).toEqual([
      ['125 ms', '1200', '1201', '1230', '+2.5 %'],
      ['125 ms', '1200', '1201', '1140', '-5.0 %'],
      ['125 ms', '1200', '1201', '1200', '0.0 %'],
    ]);
  });
});
