import { describe, expect, it } from 'vitest';
import { draw, type DrawnRun } from '../../src/lab/fuzz/draw.ts';
import { fuzz } from '../../src/lab/fuzz/fuzz.ts';
import { buildResult } from '../../src/result/build.ts';
import { readPages } from '../../src/result/page-map.ts';
import { pagesOf as recordedPages } from '../../src/result/pages.ts';
import { resultSchema } from '../../src/result/schema.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import type { RunReport } from '../../src/runtime/report.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { checkedPages, sum } from '../support/page-record.ts';
import { smallRun } from '../support/run-config.ts';

/** `PAGE_SEED` and `PAGE_SEEDS` choose other runs. */
const FIRST_SEED = Number(process.env['PAGE_SEED'] ?? 1);
const SEEDS = Number(process.env['PAGE_SEEDS'] ?? 20);

const recording = (config: RunConfig): RunConfig => ({
  ...config,
  runtime: 'virtual',
  migration: { ...config.migration, recordPages: true },
});

const resultOf = (report: RunReport) => buildResult({ verify: 'replay' }, report);

describe('the record of pages', () => {
  it('counts exactly what random migrations send and find dirty, whatever trouble they meet', async () => {
    const shown = {
      precopy: 0,
      postcopy: 0,
      hybrid: 0,
      versions: 0,
      memslots: 0,
      requests: 0,
      again: 0,
      trouble: 0,
    };
    for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
      const backing = seed % 2 === 0 ? 'versions' : 'bytes';
      const change = (_: number, { config, trouble }: DrawnRun): DrawnRun => ({
        config: recording({ ...config, guest: { ...config.guest, backing } }),
        trouble,
      });
      const { config, trouble } = draw(seed);
      const onReport = ({ source, guest }: RunReport): void => {
        const { pages } = recordedPages(source);
        checkedPages(source, guest.pages, `seed ${seed}`);
        if ((source.postcopy?.requests ?? 0) > 0) shown.requests++;
        if (pages!.sentAgain.times > 0) shown.again++;
      };
      expect((await fuzz(seed, onReport, change)).wrongs, `seed ${seed}`).toEqual([]);
      const { algorithm } = config.migration;
      if (algorithm !== 'stop-and-copy') shown[algorithm]++;
      if (backing === 'versions') shown.versions++;
      if (config.guest.memslots > 1) shown.memslots++;
      if (trouble.kind !== 'none') shown.trouble++;
    }
    for (const [what, runs] of Object.entries(shown)) {
      expect(runs, `runs with ${what}, from seed ${FIRST_SEED} on`).toBeGreaterThanOrEqual(
        SEEDS / 10,
      );
    }
  });

  it('changes nothing else in a result', async () => {
    const config = smallRun({ runtime: 'virtual', migration: { algorithm: 'hybrid' } });
    const { pages, ...others } = resultOf(await runVirtual(recording(config)));
    expect(pages).toBeDefined();
    expect(JSON.stringify(others)).toBe(JSON.stringify(resultOf(await runVirtual(config))));
  });

  it('says where and when a guest writes', async () => {
    const workload = smallRun().guest.workloads[0]!;
    const config = recording(
      smallRun({
        guest: {
          memslots: 3,
          workloads: [
            { ...workload, pattern: { kind: 'uniform' }, firstGfn: 100, pages: 200, rate: 20_000 },
          ],
        },
      }),
    );
    const result = resultOf(await runVirtual(config));
    const { binPages, columns, bins } = readPages(result.pages!);
    expect([binPages, bins]).toEqual([2, 1024]);
    const [first] = columns;
    const [sent, dirtied] = [Array.from(first!.sent), Array.from(first!.dirtied)];
    for (let bin = 0; bin < bins; bin++) {
      const isWritten = bin >= 50 && bin < 150;
      expect(isWritten || sent[bin] === 2, `sent of bin ${bin}`).toBe(true);
      expect(isWritten || dirtied[bin] === 0, `dirtied of bin ${bin}`).toBe(true);
    }
    expect(sum(dirtied)).toBeGreaterThan(100);
    expect(result.pages!.hottest[0]).toMatchObject({ firstGfn: 100, pages: 200 });
    expect(result.pages!.sentAgain.pages).toBe(
      result.pages!.sentTimes.slice(2).reduce((a, b) => a + b),
    );
    expect(() => resultSchema.parse(JSON.parse(JSON.stringify(result)))).not.toThrow();
  });

  it('adds up rounds when there are very many', async () => {
    const workload = smallRun().guest.workloads[0]!;
    const busy = { ...workload, pattern: { kind: 'uniform' as const }, pages: 20, rate: 400_000 };
    const config = recording(
      smallRun({ guest: { workloads: [busy] }, migration: { rounds: 500 } }),
    );
    const report = await runVirtual(config);
    expect(report.source.rounds).toHaveLength(501);
    const { columns, binPages } = checkedPages(report.source, 2048);
    expect(columns.filter(({ kind }) => kind === 'live')).toHaveLength(63);
    expect(columns.map(({ lastRound }) => lastRound).slice(-3)).toEqual([496, 500, 501]);
    // 64 columns of 1024 bins would be more cells than a result has.
    expect(binPages).toBe(4);
  });
});
