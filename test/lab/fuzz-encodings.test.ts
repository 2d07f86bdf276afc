import { expect, it } from 'vitest';
import { encoded, withEncodings } from '../../src/lab/fuzz/encodings.ts';
import { fuzz } from '../../src/lab/fuzz/fuzz.ts';
import { fuzzStream } from '../../src/lab/fuzz/streams.ts';
import type { RunReport } from '../../src/runtime/report.ts';
import { pagesOf } from '../../src/wire/tally.ts';

const SEEDS = 36;
const STREAMS = 40;

it(`random migrations with compressed pages lose nothing, end, and run on one side: ${SEEDS} seeds`, async () => {
  const seen = {
    zlib: 0,
    lz4: 0,
    zstd: 0,
    skipped: 0,
    'post-copy': 0,
    differences: 0,
    references: 0,
    words: 0,
    stayed: 0,
  };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const reports: RunReport[] = [];
    const { wrongs } = await fuzz(seed, (report) => void reports.push(report), withEncodings);
    expect(wrongs, `seed ${seed}: npm run fuzz -- --encodings --seed ${seed}`).toEqual([]);
    for (const { source } of reports) {
      const { method, pages, skippedPages } = source.compression!;
      if (pages > 0) seen[method]++;
      if (skippedPages > 0) seen.skipped++;
      if ((source.xbzrle?.pages ?? 0) > 0) seen.differences++;
      if (source.rounds.some(({ tally }) => pagesOf(tally, 'words') + pagesOf(tally, 'sparse') > 0))
        seen.words++;
      if ((source.references?.pages ?? 0) > 0) seen.references++;
      if (source.outcome !== 'completed') seen.stayed++;
      if (source.postcopy && pagesOf(source.postcopy.tally, method) > 0) seen['post-copy']++;
    }
  }
  console.log(`${SEEDS} seeds with compressed pages: ${JSON.stringify(seen)}`);
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);
});

it(`streams of compressed pages that are tampered with end in one sentence: ${STREAMS} seeds`, async () => {
  const refusals: string[] = [];
  for (let seed = 1; seed <= STREAMS; seed++) {
    const { wrongs, outcome } = await fuzzStream(seed, encoded);
    expect(wrongs, `seed ${seed}: npm run fuzz -- --streams --encodings --seed ${seed}`).toEqual(
      [],
    );
    if (outcome !== 'completed') refusals.push(outcome);
  }
  expect(refusals.length).toBeGreaterThan(STREAMS / 10);
});
