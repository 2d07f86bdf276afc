import { afterEach, describe, expect, it, vi } from 'vitest';
import { fuzz } from '../../src/lab/fuzz/fuzz.ts';
import { withXbzrle } from '../../src/lab/fuzz/xbzrle.ts';
import type { RunReport } from '../../src/runtime/report.ts';
import { pagesOf } from '../../src/wire/tally.ts';
import { XbzrleCache } from '../../src/wire/xbzrle-cache.ts';

const SEEDS = 200;

afterEach(() => vi.restoreAllMocks());

it(`random migrations that send what has changed of pages lose nothing, end, and run on one side: ${SEEDS} seeds`, async () => {
  const seen = { moved: 0, found: 0, missed: 0, 'post-copy after it': 0, stayed: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    const reports: RunReport[] = [];
    const { wrongs } = await fuzz(seed, (report) => void reports.push(report), withXbzrle);
    expect(wrongs, `seed ${seed}: npm run fuzz -- --xbzrle --seed ${seed}`).toEqual([]);
    const found = reports.filter(({ source }) => source.xbzrle!.pages > 0);
    if (found.some(({ source }) => source.outcome === 'completed')) seen.moved++;
    if (found.length > 0) seen.found++;
    if (reports.some(({ source }) => source.xbzrle!.cacheMisses > 0)) seen.missed++;
    const pushed = found.flatMap(({ source }) => (source.postcopy ? [source.postcopy.tally] : []));
    if (pushed.some((tally) => pagesOf(tally) > 0)) seen['post-copy after it']++;
    // QEMU compares no pages once the guest runs at the destination.
    const compared = pushed.map((tally) => pagesOf(tally, 'xbzrle') + pagesOf(tally, 'same'));
    expect(compared.every((pages) => pages === 0)).toBe(true);
    if (found.some(({ source }) => source.outcome !== 'completed')) seen.stayed++;
  }
  console.log(`${SEEDS} seeds with xbzrle: ${JSON.stringify(seen)}`);
  for (const count of Object.values(seen)) expect(count).toBeGreaterThanOrEqual(SEEDS / 100);
});

describe('a bug planted in XBZRLE is found', () => {
  it('by one of three seeds: what has been sent does not enter the cache', async () => {
    const { at } = XbzrleCache.prototype;
    // Whoever writes what has been sent writes it to a copy.
    vi.spyOn(XbzrleCache.prototype, 'at').mockImplementation(function (this: XbzrleCache, slot) {
      return at.call(this, slot).slice();
    });
    const wrongs: string[] = [];
    for (const seed of [4, 22, 28])
      wrongs.push(...(await fuzz(seed, undefined, withXbzrle)).wrongs);
    expect(wrongs.join('\n')).toMatch(/does not come to its sum|the guest was not proved/);
  });
});
