import { expect, it } from 'vitest';
import { heatMaps } from '../../../src/report/html/run/pages.ts';
import { sampleRun } from './samples.ts';

it('heat maps have every page that a round sent, and that it dirtied', async () => {
  const { pages, rounds } = await sampleRun({ recordPages: true });
  const [sent, dirtied] = heatMaps(pages!);
  for (const [map, wanted] of [
    [sent!, rounds.map((round) => round.pages)],
    [dirtied!, rounds.filter(({ stopped }) => !stopped).map(({ dirtiedPages }) => dirtiedPages)],
  ] as const) {
    const rows = map.y.rows.map((_, row) =>
      map.values.slice(row * map.columns, (row + 1) * map.columns),
    );
    expect(rows.map((row) => row.reduce((sum, value) => sum + value, 0))).toEqual(wanted);
  }
  expect(sent!.y.rows.at(-1)).toBe('stop');
});
