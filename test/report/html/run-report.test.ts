import { beforeAll, describe, expect, it } from 'vitest';
import { figuresOf } from '../../../src/report/html/model.ts';
import { NoReportError, reportOf } from '../../../src/report/html/of-result.ts';
import { reportHtml } from '../../../src/report/html/page.ts';
import { downtimeChart } from '../../../src/report/html/run/charts.ts';
import { brownouts, migrationChart } from '../../../src/report/html/run/migration-chart.ts';
import { differencesOf } from '../../../src/report/html/scenario-table.ts';
import { figureSvg } from '../../../src/report/html/standalone.ts';
import type { RunResult } from '../../../src/result/schema.ts';
import { HOSTILE, sampleRun, timelineStart } from './samples.ts';

let precopy: RunResult;
let postcopy: RunResult;

beforeAll(async () => {
  precopy = await sampleRun();
  postcopy = await sampleRun({ algorithm: 'postcopy', policy: undefined });
});

describe('the answer of a run', () => {
  it('says how long it took, and how long the guest stood still', () => {
    expect(reportOf(precopy)).toMatchObject({
      tone: 'good',
      answer: expect.stringMatching(/^The guest moved in .* and stood still for .* ms\. It sent /),
    });
    expect(reportOf(postcopy).answer).toMatch(/All pages were there .* and its vCPUs waited /);
  });

  it('says why a migration failed, and where the guest is', () => {
    const { tone, answer } = reportOf({
      ...precopy,
      outcome: 'diverged',
      error: 'the timeout passed',
    });
    expect(tone).toBe('bad');
    expect(answer).toMatch(
      /^The migration did not converge after .* The guest stayed at the source\. The timeout passed\.$/,
    );
    expect(reportOf({ ...precopy, outcome: 'failed', guestLost: true }).answer).toContain(
      'The guest is lost.',
    );
  });

  it('says first of all when a byte differs', () => {
    const firstDifference = { gfn: 7, offset: 9, expected: 1, found: 2 };
    const verify = { kind: 'replay' as const, ok: false, differingPages: 1, firstDifference };
    expect(reportOf({ ...precopy, verify })).toMatchObject({
      tone: 'bad',
      answer: expect.stringContaining('gfn 7 at offset 9: expected 1, found 2'),
    });
  });
});

describe('the charts of a run', () => {
  it('break the line between the last round and post-copy', () => {
    const [panel] = migrationChart(postcopy).panels;
    const { points } = panel!.series[0]!;
    const at = points.findIndex(({ y }) => y === null);
    expect(points[at - 1]!.y).toBe(0);
    expect(points[at + 1]!.y).toBeGreaterThan(10);
    expect(points[at]!.x).toBe(points[at - 1]!.x);
  });

  it('have what each live round dirtied until its end', () => {
    const dirtied = migrationChart(precopy).panels[0]!.series.find(({ name }) =>
      /dirtied/.test(name),
    );
    const last = precopy.rounds.findLast(({ stopped }) => !stopped)!;
    const drawn = dirtied!.points.findLast(({ y }) => y !== null)!;
    expect(drawn.x).toBeCloseTo(last.startMs + last.durationMs, 6);
  });

  it('have the guest at the time at which it was sampled', async () => {
    const { result, startMs } = await timelineStart();
    const { points } = migrationChart(result).panels.at(-1)!.series[0]!;
    const { periodMs } = result.guest.timeline;
    // The chart shows no more than a quarter of the migration's time before it.
    const steps = (points[0]!.x - startMs) / periodMs;
    expect(steps).toBeCloseTo(Math.round(steps), 6);
  });

  it('have the parts of the downtime one after another', () => {
    const [{ rows } = { rows: [] }] = downtimeChart(precopy);
    const { bars } = rows[0]!;
    expect(bars.map(({ from }) => from)).toEqual([0, ...bars.slice(0, -1).map(({ to }) => to)]);
    expect(bars.at(-1)!.to).toBeCloseTo(precopy.downtimeMs!, 6);
  });

  it('mark as a brownout when the guest was slower, but not its stop', () => {
    const perSecond = Array.from({ length: 100 }, (_, i) =>
      i >= 30 && i < 50 ? 50 : i >= 69 && i < 71 ? 0 : 100,
    );
    const figures = {
      rounds: [],
      guest: { startMs: -200, periodMs: 10, perSecond },
      downtime: { fromMs: 490, toMs: 510 },
      migration: { fromMs: 0, toMs: 600 },
      shown: { fromMs: -200, toMs: 800 },
    };
    expect(brownouts(figures)).toEqual([{ fromMs: 100, toMs: 300 }]);
  });

  it('have names of files that differ, and drawings without a hostile name', () => {
    for (const result of [precopy, postcopy]) {
      const figures = figuresOf(reportOf(result));
      expect(new Set(figures.map(({ id }) => id)).size).toBe(figures.length);
      for (const figure of figures) {
        expect(figure.id).toMatch(/^[a-z0-9-]+$/);
        expect(figureSvg(figure)).toMatch(/^<svg xmlns=[^>]*>.*<\/svg>\n$/s);
      }
    }
  });
});

describe('the page of a run', () => {
  it('has no name that is taken for HTML', () => {
    const html = reportHtml(reportOf(precopy));
    expect(html).not.toContain('<script>globalThis');
    expect(html).not.toContain('<img');
    expect(html).toContain('&lt;/script&gt;');
    expect(html.match(/<script/g)).toHaveLength(2);
    expect(html.match(/<\/script/g)).toHaveLength(2);
  });

  it('keeps the data of its charts, whatever their texts are', () => {
    const report = reportOf(precopy);
    const figure = { ...figuresOf(report)[0]!, title: HOSTILE };
    const html = reportHtml({
      ...report,
      sections: [{ title: 'one', blocks: [{ kind: 'figure', figure }] }],
    });
    const [, json = ''] = /<script type="application\/json" id="figures">(.*?)<\/script>/s.exec(
      html,
    )!;
    expect(JSON.parse(json)).toEqual([structuredClone(figure)]);
  });

  it('loads nothing', () => {
    const html = reportHtml(reportOf(precopy));
    expect(html).toContain("default-src 'none'");
    expect(html).not.toMatch(/\b(?:src|href)="(?!#)/);
    expect(html).not.toMatch(/@import|url\((?!#)/);
  });
});

describe('what differs from the defaults', () => {
  it('is what the scenario says otherwise', () => {
    const keys = differencesOf(precopy.scenario).filter(({ key }) => key.startsWith('migration.'));
    expect(keys).toEqual([
      { key: 'migration.downtimeLimit', value: '5ms', byDefault: '300ms' },
      { key: 'migration.startAfter', value: '200ms', byDefault: '1s' },
      { key: 'migration.runAfter', value: '200ms', byDefault: '1s' },
    ]);
  });
});

describe('what is no result', () => {
  it('is refused with what would be one', () => {
    expect(() => reportOf({})).toThrow(NoReportError);
    expect(() => reportOf({ schema: 'constructor' })).toThrow(
      /has the schema "constructor": expected what validate writes, or one of pageferry\/run@1/,
    );
    const { ram: _, ...rest } = precopy;
    expect(() => reportOf(rest)).toThrow(/is no whole pageferry\/run@1: ram: /);
  });
});
