import { beforeAll, describe, expect, it } from 'vitest';
import { draw } from '../../../src/report/html/chart/draw.ts';
import { LIGHT } from '../../../src/report/html/chart/palette.ts';
import { dataTable } from '../../../src/report/html/data-table.ts';
import { figuresOf, type Report } from '../../../src/report/html/model.ts';
import { NoReportError, reportOf } from '../../../src/report/html/of-result.ts';
import { paretoFront } from '../../../src/report/html/what-if/charts.ts';
import { comparison, judgement } from '../../support/comparison.ts';
import { hostResult } from './host-result.ts';
import { rolesOf } from '../../../src/report/html/protect/chart.ts';
import { BENCH, COMPARE, VALIDATION, WHAT_IF } from './kinds.ts';
import { protectedGuest, smallFleet } from './lives.ts';
import { sampleReports, sampleRun } from './samples.ts';

let reports: Readonly<Record<string, Report>>;
beforeAll(async () => {
  reports = await sampleReports();
});

describe('a report of any kind', () => {
  it('answers in a sentence, and has charts with names of their own that can be drawn', () => {
    expect(Object.keys(reports)).toHaveLength(15);
    for (const [kind, report] of Object.entries(reports)) {
      expect(report.answer, kind).toMatch(/\.$/);
      const figures = figuresOf(report);
      expect(figures.length, kind).toBeGreaterThan(0);
      expect(new Set(figures.map(({ id }) => id)).size, kind).toBe(figures.length);
      for (const figure of figures) {
        const { body, targets } = draw(figure, 500, (colour) => LIGHT[colour], 'c');
        expect(body, `${kind}: ${figure.id}`).not.toMatch(/NaN|Infinity|undefined/);
        expect(targets.length, `${kind}: ${figure.id}`).toBeGreaterThan(0);
        expect(dataTable(figure).table.rows.length, `${kind}: ${figure.id}`).toBeGreaterThan(0);
      }
    }
  });

  it('has rows with a cell for each column', () => {
    for (const { sections } of Object.values(reports)) {
      for (const block of sections.flatMap(({ blocks }) => blocks)) {
        if (block.kind !== 'table') continue;
        const { columns, rows } = block.table;
        expect(
          rows.every((row) => row.length === columns.length),
          block.caption,
        ).toBe(true);
      }
    }
  });
});

describe('the answer', () => {
  it('of an evacuation says whether the host is empty', () => {
    expect(reports['evacuation']!.answer).toMatch(
      /^old is not empty: 1 of 2 guests moved in .* 1 guest came too late for a deadline\.$/,
    );
    expect(reports['evacuation']!.tone).toBe('bad');
  });

  it('of a host lists its migrations, those that were refused too', async () => {
    const way = { guest: 'web', from: 'host', to: 'spare' };
    const migrations = [
      {
        ...way,
        askedMs: 1000,
        startMs: 1000,
        endMs: 3000,
        swappedPages: 77,
        run: await sampleRun(),
      },
      { ...way, askedMs: 9000, refusal: 'guest web is on host spare already' },
    ];
    const { sections } = reportOf({ ...hostResult(), migrations });
    const section = sections.find(({ title }) => title === 'Migrations')!;
    const [block] = section.blocks;
    const rows = block!.kind === 'table' ? block!.table.rows : [];
    expect(rows.map((row) => row[1])).toEqual(['host → spare', 'host → spare']);
    expect(rows[0]).toContain('77');
    expect(rows[0]![2]).toBe('completed');
    expect(rows[1]![2]).toMatchObject({ text: 'guest web is on host spare already', tone: 'bad' });
    expect(reportOf(hostResult()).sections.map(({ title }) => title)).not.toContain('Migrations');
  });

  it('of a host says how long it was short of memory, and whether something is wrong with it', () => {
    const host = hostResult();
    expect(reportOf(host).answer).toBe(
      'The host, whose 2 guests were promised 150 % of its memory, was short of memory for 4 s of 10 s. At the end balloons had 1 MiB, sharing saved 512 KiB, and 2 MiB were swapped out.',
    );
    expect(reportOf(host).tone).toBe('good');
    const wrong = reportOf({ ...host, ok: false, problems: ['a page is lost'] });
    expect(wrong.tone).toBe('bad');
    expect(wrong.sections.at(-1)!.blocks).toEqual([{ kind: 'warning', text: 'a page is lost' }]);
  });

  it('of a host has a chart of a series that is longer than the arguments of a call can be', () => {
    const host = hostResult();
    const long = <Values extends readonly unknown[]>(values: Values): Values[number][] =>
      Array.from({ length: 300_000 }, (_, at) => values[at % values.length]);
    const { timesMs, freeBytes, reclaimedBytes, states, guests } = host.series;
    const series = {
      timesMs: long(timesMs),
      freeBytes: long(freeBytes),
      reclaimedBytes: long(reclaimedBytes),
      states: long(states),
      guests: guests.map(({ name, ...amounts }) => ({
        name,
        ...(Object.fromEntries(
          Object.entries(amounts).map(([key, values]) => [key, long(values)]),
        ) as typeof amounts),
      })),
    };
    const [chart] = figuresOf(reportOf({ ...host, series }));
    expect(chart!.title).toBe('Memory of all 2 guests');
  });

  it('of a protected guest says whether it lives on, and what each host was for it', async () => {
    const died = await protectedGuest('web', { killAt: '2s', spares: 1 });
    const report = reportOf(died);
    expect([report.tone, report.answer]).toEqual([
      'good',
      'The guest lives on, after 1 takeover. Nothing that anybody has seen is lost.',
    ]);
    // Host 1 runs the guest until it dies; host 2 protects it, runs it, and is protected by host 3.
    const spans = rolesOf(died);
    const rolesAt = (ms: number) =>
      spans
        .filter(({ fromMs, toMs }) => fromMs <= ms && ms < toMs)
        .map(({ host, role }) => [host, role]);
    expect(rolesAt(1900)).toEqual([
      [2, 3],
      [1, 1],
    ]);
    expect(rolesAt(3900)).toEqual([
      [3, 3],
      [2, 1],
    ]);
    expect(rolesAt(2500)).toEqual([[2, 3]]);

    // After a takeover without a spare, the death of either side is that of the guest's only host.
    const gone = await protectedGuest('web', {
      killAt: [{ at: '2s' }, { at: '3500ms', what: 'backup' }],
    });
    expect(gone.outcome).toBe('lost');
    expect(rolesOf(gone).filter(({ host, role }) => host === 2 && role === 0)).toMatchObject([
      { toMs: 3500 },
    ]);
    const colo = await protectedGuest('web', { mode: 'colo', interval: '500ms' });
    const [, epochs] = reportOf(colo).sections;
    expect(epochs!.blocks.map((block) => block.kind === 'table' && block.caption)).toContain(
      'Why COLO made checkpoints',
    );
    const lost = await protectedGuest('web', { killAt: '10ms' });
    expect([reportOf(lost).tone, reportOf(lost).answer]).toEqual(['bad', 'The guest is lost.']);
    const wrong = reportOf({ ...died, problems: ['2 packets left twice, or out of order'] });
    expect(wrong.answer).toBe('A byte or a packet is not what it must be: see the proof.');
  });

  it('of a data centre says what moved and whether agreements were kept', async () => {
    const fleet = await smallFleet('two');
    const report = reportOf(fleet);
    expect(report.answer).toMatch(
      /^In 3 min sandpiper-black began 1 migration, of which 1 completed, and hosts were overloaded in \d+ intervals\. /,
    );
    expect(figuresOf(report).map(({ id }) => id)).toEqual(['hosts', 'responses', 'migrations']);
    expect(reportOf({ ...fleet, ok: false }).tone).toBe('bad');
  });

  it('of a validation says how many outcomes and times were right', () => {
    expect(reportOf(VALIDATION).answer).toBe(
      '1 run of 2 ended otherwise than predicted; the predicted total time is off by 10 % in the median, and by at most 12 % in nine of ten.',
    );
  });

  it('of a comparison says what has changed by how much', () => {
    expect(reportOf(COMPARE).answer).toBe(
      'After is better in some respects and worse in others: downtimeMs −50 % (better), totalTimeMs +20 % (worse).',
    );
  });

  it('of a comparison by a bench has the tone of what it found', () => {
    expect(reportOf(comparison([judgement()])).tone).toBe('bad');
    expect(reportOf(comparison([judgement({ verdict: 'improvement' })])).tone).toBe('good');
    expect(reportOf(comparison([judgement({ verdict: 'same' })])).tone).toBe('plain');
  });

  it('of several results has that of each', () => {
    expect(reportOf([COMPARE, COMPARE]).answer).toMatch(/^1\. After .* 2\. After /);
  });
});

describe('what if', () => {
  it('has the settings that no other beats in both figures', () => {
    expect(paretoFront(WHAT_IF.settings).map(({ id }) => id)).toEqual(['fast', 'gentle']);
  });

  it('has the settings ready to copy', () => {
    const { blocks } = reportOf(WHAT_IF).sections.find(({ title }) => title === 'Ready to paste')!;
    expect(blocks).toContainEqual({
      kind: 'code',
      caption: 'QEMU',
      text: 'migrate_set_parameter downtime-limit 300',
    });
  });
});

describe('what is no whole result', () => {
  it('is refused, also where its kind has no schema', () => {
    for (const broken of [
      { schema: 'pageferry/bench@1' },
      { runs: [{}], skipped: [], summary: {} },
      [{}],
    ]) {
      expect(() => reportOf(broken)).toThrow(NoReportError);
    }
    const { metrics: _, ...rest } = BENCH;
    expect(() => reportOf(rest)).toThrow(/is no whole pageferry\/bench@1: /);
  });
});
