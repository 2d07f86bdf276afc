import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RestoreRequest } from '../../src/runtime/common/snapshot/restore-report.ts';
import { EAGER, restoreVirtual } from '../../src/runtime/virtual/snapshot/restore.ts';
import { saveVirtual } from '../../src/runtime/virtual/snapshot/save.ts';
import { placesOf } from '../../src/snapshot/format.ts';
import { SnapshotChain } from '../../src/snapshot/reader.ts';
import { inFolder, saveTo, smallGuest } from '../support/snapshots.ts';

const LAZY: RestoreRequest = { ...EAGER, isLazy: true };
const config = smallGuest({ link: { bytesPerSecond: 50e6 }, migration: { runAfterNs: 200e6 } });

/** Saves the guest with another one as its base, and hands the chain to `act`. */
function withSaved(act: (chain: SnapshotChain, path: string) => Promise<void>): Promise<void> {
  return inFolder(async (folder) => {
    const [base, path] = [join(folder, 'base'), join(folder, 'guest')];
    const earlier = smallGuest({ verify: 'off', migration: { startAfterNs: 5e6 } });
    await saveVirtual(earlier, saveTo(base));
    await saveVirtual({ ...config, verify: 'off' }, saveTo(path, { base }));
    const chain = new SnapshotChain(path);
    try {
      await act(chain, path);
    } finally {
      chain.close();
    }
  });
}

describe('a lazy restore', () => {
  it('runs the guest at once, and reads every page once', () =>
    withSaved(async (chain) => {
      const eager = await restoreVirtual(config, chain);
      const lazy = await restoreVirtual(config, chain, LAZY);
      expect([eager.proof, lazy.proof]).toMatchObject([{ ok: true }, { ok: true, kind: 'full' }]);
      expect(lazy.runningNs).toBeLessThan(eager.runningNs! / 20);
      expect(lazy.firstAccessNs).toBeLessThan(lazy.presentNs!);
      expect(lazy.guest.faults!.majorCount).toBeGreaterThan(10);
      expect(lazy.readBytes).toBe(eager.readBytes);
      expect(lazy.guest.accesses).toBeGreaterThan(lazy.guest.savedAccesses + 300);
    }));

  it('records what the guest asks for, and reads that first the next time', () =>
    withSaved(async (chain) => {
      const first = await restoreVirtual(config, chain, { ...LAZY, recordNs: 50e6 });
      expect(first.proof?.ok).toBe(true);
      const recorded = first.recorded!;
      expect(recorded.length).toBeGreaterThan(50);
      expect(new Set(recorded).size).toBe(recorded.length);
      const plain = await restoreVirtual(config, chain, LAZY);
      const next = await restoreVirtual(config, chain, { ...LAZY, prefetch: recorded });
      expect(next.proof?.ok).toBe(true);
      expect(next.prefetchedPages).toBeGreaterThan(recorded.length / 2);
      expect(next.guest.faults!.blockedNs.reduce((a, b) => a + b)).toBeLessThan(
        plain.guest.faults!.blockedNs.reduce((a, b) => a + b),
      );
    }));

  it('whose file turns out to be damaged loses the guest, and one that is cancelled proves nothing', () =>
    withSaved(async (chain, path) => {
      const gfn = Array.from({ length: 1024 }, (_, page) => page).findLast(
        (page) => chain.top.table.placeOf(page) === 'here',
      )!;
      const bytes = readFileSync(path);
      bytes[placesOf(1024, 4096).pagesAt + gfn * 4096]! ^= 1;
      writeFileSync(path, bytes);
      const failed = await restoreVirtual(config, chain, LAZY);
      expect(failed).toMatchObject({ outcome: 'failed' });
      expect(failed.error).toMatch(new RegExp(`the checksum of page ${gfn} differs$`));
      expect(failed.proof).toBeUndefined();
      await expect(restoreVirtual(config, chain)).rejects.toThrow(/the checksum of page/);
      const signal = AbortSignal.abort();
      const cancelled = await restoreVirtual(config, chain, LAZY, { signal });
      expect(cancelled).toMatchObject({ outcome: 'cancelled' });
      expect(cancelled.presentNs).toBeUndefined();
    }));
});
