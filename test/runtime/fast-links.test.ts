import { describe, expect, it } from 'vitest';
import { COST_PROFILES } from '../../src/runtime/costs.ts';
import { runVirtual } from '../../src/runtime/virtual/run.ts';
import { smallRun } from '../support/run-config.ts';

const MIB = 1024 * 1024;
const PAGES = (256 * MIB) / 4096;

/** Migrates 256 MiB that take no bytes of this host, and returns the ms from the first page until all are there. */
async function transferMs(
  algorithm: 'stop-and-copy' | 'postcopy',
  bytesPerSecond: number,
  latencyNs: number,
): Promise<number> {
  const run = smallRun({
    runtime: 'virtual',
    costs: COST_PROFILES.none,
    guest: {
      memoryBytes: 256 * MIB,
      backing: 'versions',
      contents: [{ firstGfn: 0, pages: PAGES, kind: 'random', zeroShare: 0 }],
      workloads: [],
    },
    link: { bytesPerSecond, latencyNs, integrity: 'header' },
    migration: { algorithm },
  });
  const { source } = await runVirtual(run);
  expect(source.outcome).toBe('completed');
  return (source.endNs - source.firstPageNs! - latencyNs) / 1e6;
}

describe('a link on a virtual clock', () => {
  it.each([
    [45, 100_000],
    [100, 100_000],
    [100, 10e6],
    [400, 100_000],
    [400, 10e6],
  ])('carries %s Gbit/s with a latency of %s ns', async (gbits, latencyNs) => {
    const bytesPerMs = (gbits * 1e9) / 8 / 1e3;
    // A frame of 32 pages has some 100 bytes besides them, and the sender is up to a frame behind.
    const linkMs = (256 * MIB) / bytesPerMs;
    for (const algorithm of ['stop-and-copy', 'postcopy'] as const) {
      const ms = await transferMs(algorithm, bytesPerMs * 1e3, latencyNs);
      expect(ms / linkMs, algorithm).toBeGreaterThan(0.99);
      expect(ms / linkMs, algorithm).toBeLessThan(1.03);
    }
  });
});
