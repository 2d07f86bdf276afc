import { describe, expect, it } from 'vitest';
import { buildResult } from '../../src/result/build.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import type { RunConfig } from '../../src/runtime/config.ts';
import { smallRun } from '../support/run-config.ts';

/** A guest of text, zero and random pages, which stands still and moves over a link that takes no time. */
const still = (migration: Partial<RunConfig['migration']>, costs: Partial<RunConfig['costs']>) => {
  const base = smallRun({
    runtime: 'virtual',
    migration: { algorithm: 'stop-and-copy', ...migration },
  });
  return {
    ...base,
    link: { ...base.link, bytesPerSecond: Infinity, latencyNs: 0 },
    guest: {
      ...base.guest,
      memoryBytes: 256 * 4096,
      memslots: 1,
      workloads: [],
      contents: [
        { firstGfn: 0, pages: 128, kind: 'text' as const, zeroShare: 0 },
        { firstGfn: 192, pages: 64, kind: 'random' as const, zeroShare: 0 },
      ],
    },
    costs: { ...base.costs, ...costs },
  };
};

const ramOf = async (
  migration: Partial<RunConfig['migration']>,
  costs: Partial<RunConfig['costs']>,
) => {
  const report = await runVirtual(still(migration, costs));
  expect(report.proof).toMatchObject({ ok: true });
  const { ram, totalTimeMs } = buildResult({}, report);
  return { ram, totalTimeMs };
};

describe('a result of a migration that compresses pages', () => {
  const ALONE = { encodings: ['zero', 'lz4'], compressionBlockBytes: 4096 } as const;

  it('has the pages, bytes and time of each encoding, and what was not worth it', async () => {
    const { ram } = await ramOf(ALONE, { compressNs: 50_000, decompressNs: 0, encodeNs: 1000 });
    const { compression, encodings } = ram;
    expect(compression).toMatchObject({ method: 'lz4', pages: 128 });
    const { incompressible, skipped, compressedSize, compressionRate } = compression!;
    expect(incompressible + skipped).toBe(64);
    // 1, 2, 4, 8, 16 and then 32 pages go untried, after one that is tried each time.
    expect(incompressible).toBe(6);
    expect(compressionRate).toBeCloseTo((128 * 4096) / compressedSize, 9);
    expect(ram).toMatchObject({ normal: 64, duplicate: 64, compressed: 128 });
    expect(encodings).toEqual([
      { encoding: 'raw', pages: 64, bytes: 64 * 4096, cpuMs: 0.064 },
      { encoding: 'zero', pages: 64, bytes: 0, cpuMs: 0.064 },
      { encoding: 'lz4', pages: 128, bytes: compressedSize, cpuMs: (128 + 6) * 0.05 + 0.128 },
    ]);
  });

  it('takes as long as compressing and decompressing cost, also in vain', async () => {
    const none = await ramOf(ALONE, { compressNs: 0, decompressNs: 0 });
    const compressing = await ramOf(ALONE, { compressNs: 50_000, decompressNs: 0 });
    // The receiver works while the sender does, so some of it is hidden.
    expect(compressing.totalTimeMs - none.totalTimeMs).toBeGreaterThan(0.8 * (128 + 6) * 0.05);
    expect(compressing.totalTimeMs - none.totalTimeMs).toBeLessThan(1.01 * (128 + 6) * 0.05);
    const both = await ramOf(ALONE, { compressNs: 0, decompressNs: 50_000 });
    expect(both.totalTimeMs - none.totalTimeMs).toBeGreaterThan(0.8 * 128 * 0.05);
    expect(both.totalTimeMs - none.totalTimeMs).toBeLessThan(1.01 * 128 * 0.05);
  });

  it('has by default the costs of its method and level', async () => {
    const way = { encodings: ['zero', 'zlib'] as const };
    const one = await ramOf(way, {});
    const nine = await ramOf({ ...way, compressionLevel: 9 }, {});
    const msOf = ({ ram }: typeof one): number =>
      ram.encodings!.find(({ encoding }) => encoding === 'zlib')!.cpuMs!;
    expect(msOf(nine) / msOf(one)).toBeGreaterThan(5);
    expect(nine.ram.compression!.compressedSize).toBeLessThan(one.ram.compression!.compressedSize);
  });

  it('says nothing of compression without it', async () => {
    const { ram } = await ramOf({ encodings: ['zero'] }, {});
    expect([ram.compression, ram.encodings, ram.compressed]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });
});
