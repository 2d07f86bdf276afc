import { expect, it } from 'vitest';
import { withChannels } from '../../src/lab/fuzz/channels.ts';
import { fuzz } from '../../src/lab/fuzz/fuzz.ts';
import type { RunReport } from '../../src/runtime/report.ts';

/** The seeds behind the first twenty are such in which an old copy of a page would overtake without a flush. */
const SEEDS = [...Array.from({ length: 20 }, (_, i) => i + 1), 56, 70, 96, 114, 165];

it(`random migrations over several channels lose nothing, end, and run on one side: ${SEEDS.length} seeds`, async () => {
  const seen = { moved: 0, 'more than two channels': 0, 'several flushes': 0, 'post-copy': 0 };
  for (const seed of SEEDS) {
    const reports: RunReport[] = [];
    const { wrongs } = await fuzz(seed, (report) => void reports.push(report), withChannels);
    expect(wrongs, `seed ${seed}: npm run fuzz -- --channels --seed ${seed}`).toEqual([]);
    const has = (is: (report: RunReport) => boolean): number => Number(reports.some(is));
    seen.moved += has(({ source }) => source.outcome === 'completed');
    seen['more than two channels'] += has(
      ({ source }) => source.channels!.each.filter(({ pages }) => pages > 0).length > 2,
    );
    seen['several flushes'] += has(({ source }) => source.channels!.flushes > 3);
    seen['post-copy'] += has(({ source }) => source.postcopy !== undefined);
  }
  console.log(`${SEEDS.length} seeds with channels: ${JSON.stringify(seen)}`);
  for (const count of Object.values(seen)) expect(count).toBeGreaterThanOrEqual(SEEDS.length / 10);
});
