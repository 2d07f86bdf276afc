import { describe, expect, it } from 'vitest';
import { loadEvacuation } from '../../src/fleet/evacuation/load.ts';
import { buildEvacuationResult } from '../../src/fleet/evacuation/result.ts';
import type { EvacuationResult } from '../../src/fleet/evacuation/result-schema.ts';
import { pngOf } from '../../src/report/chart.ts';
import { barsOf } from '../../src/report/gantt-bars.ts';
import { coreOf, linkUnit, scaleOf } from '../../src/report/gantt-scale.ts';
import { ganttSvg } from '../../src/report/gantt.ts';
import { fakeEvacuation } from '../support/fake-evacuation.ts';

async function resultOf(
  name: string,
  sets: readonly string[] = [],
  signal?: AbortSignal,
): Promise<EvacuationResult> {
  const loaded = loadEvacuation(name, sets);
  return buildEvacuationResult(
    loaded,
    await fakeEvacuation(loaded.config, signal ? { signal } : {}),
  );
}

const texts = (svg: string): string[] =>
  Array.from(svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g), (match) => match[1]!);

describe('a Gantt chart', () => {
  it('is the same for the same result, whatever was drawn before', async () => {
    const result = await resultOf('rack');
    const first = ganttSvg(result);
    ganttSvg(await resultOf('four'));
    expect(ganttSvg(result)).toBe(first);
  });

  it('names every guest of forty, and the downtime of each', async () => {
    const result = await resultOf('forty');
    const shown = texts(ganttSvg(result));
    for (const { name } of result.guests) expect(shown).toContain(name);
    expect(shown.filter((text) => /^[\d.]+ m?s(, forced)?$/.test(text))).toHaveLength(40);
    expect(shown).toContain('time since old began to be emptied, s');
    expect(shown).toContain('core link, Gbit/s');
    for (const kind of ['waiting', 'pre-copy, round by round', 'post-copy', 'downtime']) {
      expect(shown).toContain(kind);
    }
  });

  it('keeps the names of rows apart', async () => {
    const svg = ganttSvg(await resultOf('forty'));
    const places = Array.from(
      svg.matchAll(/<text[^>]*translate\(112 ([\d.]+)\)[^>]*>(idle|web|writer)-\d+</g),
      (match) => Number(match[1]),
    );
    expect(places).toHaveLength(40);
    for (let i = 1; i < places.length; i++) {
      expect(places[i]! - places[i - 1]!).toBeGreaterThanOrEqual(12);
    }
  });

  it('leaves names away where they would overlap', async () => {
    const result = await resultOf('forty', ['guests[0].count=600']);
    const shown = texts(ganttSvg(result));
    expect(shown).not.toContain('idle-1');
    expect(shown).toContain('core link, Gbit/s');
  });

  it('becomes a PNG of twice its size', async () => {
    const svg = ganttSvg(await resultOf('four'));
    const [, width, height] = /width="(\d+)" height="(\d+)"/.exec(svg)!;
    const png = pngOf(svg);
    const view = new DataView(png.buffer, png.byteOffset);
    expect([view.getUint32(16), view.getUint32(20)]).toEqual([2 * +width!, 2 * +height!]);
  });

  it('escapes what a name may hold', async () => {
    const svg = ganttSvg(await resultOf('rack', ['guests[3].name="a<b&c"']));
    expect(svg).toContain('a&lt;b&amp;c');
    expect(svg).not.toContain('a<b');
  });
});

describe('the bars of a guest', () => {
  it('follow each other from the evacuation’s start to the guest’s end', async () => {
    const result = await resultOf('forty', ['parallel.outgoing=5', 'migration.timeout=60s']);
    const { names, bars } = barsOf(result, 1);
    for (const guest of result.guests) {
      const own = bars
        .filter(({ row }) => row === names.indexOf(guest.name))
        .toSorted((a, b) => a.fromMs - b.fromMs || a.toMs - b.toMs);
      expect(own[0]!.fromMs).toBe(0);
      expect(Math.max(...own.map(({ toMs }) => toMs))).toBeCloseTo(guest.endMs!, 2);
      for (let i = 1; i < own.length; i++) expect(own[i]!.fromMs).toBeCloseTo(own[i - 1]!.toMs, 2);
      const down = own.find(({ kind }) => kind === 'downtime')!;
      expect(down.toMs - down.fromMs).toBeCloseTo(guest.run!.downtimeMs!, 2);
      expect(own.some(({ kind }) => kind === 'post-copy')).toBe(guest.wasForced);
    }
  });

  it('are in the order of the starts', async () => {
    const result = await resultOf('rack');
    const { names } = barsOf(result, 1);
    const starts = names.map((name) => result.guests.find((one) => one.name === name)!.startMs!);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
  });

  it('have no rounds too narrow to be seen', async () => {
    const result = await resultOf('forty');
    const { bars } = barsOf(result, 500);
    const rounds = bars.filter(({ kind }) => kind === 'pre-copy, round by round');
    const narrow = rounds.filter(({ fromMs, toMs }) => toMs - fromMs < 3 * 500);
    // Only what is left over before a pause may be.
    for (const { row, toMs } of narrow) {
      expect(
        bars.some((bar) => bar.row === row && bar.kind === 'downtime' && bar.fromMs === toMs),
      ).toBe(true);
    }
    expect(rounds.length).toBeGreaterThan(40);
  });

  it('tell of guests that stayed or never began', async () => {
    const result = await resultOf('rack', ['guests[4].onDiverged=leave', 'migration.timeout=2s']);
    const { names, labels } = barsOf(result, 1);
    const label = labels.find(({ row }) => names[row] === 'batch-1')!;
    expect(label).toMatchObject({ text: 'diverged: it stayed', isBad: true });
    const none = await resultOf('rack', [], AbortSignal.abort());
    const { bars, labels: all } = barsOf(none, 1);
    expect(all.every(({ text, isBad }) => text === 'never began' && isBad)).toBe(true);
    expect(bars).toEqual([]);
    expect(() => ganttSvg(none)).not.toThrow();
  });
});

describe('scales', () => {
  it.each([
    [950, 's', 0.2, 1],
    [31_300, 's', 5, 35],
    [218_300, 's', 25, 225],
    [3_600_000, 'min', 10, 60],
    [0, 's', 0.0002, 0.001],
  ] as const)('%d ms', (makespanMs, unit, step, max) => {
    expect(scaleOf(makespanMs)).toMatchObject({ unit, step, max });
  });

  it('show the link that joins the hosts, in its unit', async () => {
    const result = await resultOf('rack');
    expect(coreOf(result)!.name).toBe('core forth');
    expect(linkUnit(result)).toMatchObject({ unit: 'Gbit/s', bytesPerUnit: 125e6 });
    const slow = await resultOf('four', ['core.bandwidth=100Mbit/s']);
    expect(linkUnit(slow)).toMatchObject({ unit: 'Mbit/s' });
    expect(linkUnit(slow).max).toBeGreaterThan(100);
  });
});
