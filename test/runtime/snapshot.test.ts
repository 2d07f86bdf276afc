import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { restoreVirtual } from '../../src/runtime/virtual/snapshot/restore.ts';
import { saveVirtual } from '../../src/runtime/virtual/snapshot/save.ts';
import type { BackgroundEnd } from '../../src/snapshot/background.ts';
import { SnapshotChain } from '../../src/snapshot/reader.ts';
import { failingFiles, inFolder, saveTo, smallGuest, withChain } from '../support/snapshots.ts';

describe('a guest whose file can not be written', () => {
  it.each([
    ['in the midst of its pages', 'write', 1],
    ['at the very end', 'rename', 1],
  ] as const)('%s goes on and takes no harm', (_, name, nth) =>
    inFolder(async (folder) => {
      const path = join(folder, 'guest.snap');
      writeFileSync(path, 'old');
      const files = failingFiles(name, nth, 'ENOSPC');
      const saved = await saveVirtual(smallGuest(), saveTo(path, { mode: 'live' }), { files });
      expect(saved.end).toMatchObject({ outcome: 'failed', guestLost: false });
      expect(saved.end.error).toMatch(/guest.snap can't be written: no space is left/);
      expect(saved.proof).toBeUndefined();
      expect(saved.guestProof).toMatchObject({ ok: true, kind: 'full' });
      expect(saved.guest.accesses).toBeGreaterThan(300);
      expect(readdirSync(folder)).toEqual(['guest.snap']);
      expect(readFileSync(path, 'utf8')).toBe('old');
    }),
  );
});

describe('a background save', () => {
  it('copies pages before they are written, and makes the guest wait when there is no room for more', () =>
    inFolder(async (folder) => {
      const config = smallGuest({ link: { bytesPerSecond: 20e6 } });
      const save = (name: string, mostCopies: number) =>
        saveVirtual(config, saveTo(join(folder, name), { mode: 'background' }), { mostCopies });
      const [wide, narrow] = [await save('wide', 1000), await save('narrow', 2)];
      for (const { end, proof, guestProof, guest } of [wide, narrow]) {
        expect(end.outcome).toBe('completed');
        expect([proof, guestProof]).toMatchObject([{ ok: true }, { ok: true, kind: 'full' }]);
        expect(guest.accesses).toBeGreaterThan(guest.savedAccesses! + 300);
      }
      const copied = [wide, narrow].map(({ end }) => (end as BackgroundEnd).copiedPages);
      expect(copied[0]).toBeGreaterThan(50);
      expect(copied[1]).toBeGreaterThan(2);
      expect(narrow.guest.accesses).toBeLessThan(wide.guest.accesses);
      const [one, two] = ['wide', 'narrow'].map((name) => readFileSync(join(folder, name)));
      expect(one!.equals(two!)).toBe(true);
    }));

  it('that is cancelled, or whose file fails, leaves the guest as it is', () =>
    inFolder(async (folder) => {
      const request = saveTo(join(folder, 'a'), { mode: 'background' });
      const failed = await saveVirtual(smallGuest(), request, {
        files: failingFiles('write', 1, 'ENOSPC'),
      });
      expect(failed.end).toMatchObject({ outcome: 'failed' });
      const signal = AbortSignal.abort();
      const cancelled = await saveVirtual(smallGuest(), request, { signal });
      expect(cancelled.end).toMatchObject({ outcome: 'cancelled', error: 'cancelled' });
      const late = await saveVirtual(smallGuest({ migration: { timeoutNs: 1e6 } }), request);
      expect(late.end).toMatchObject({ outcome: 'diverged' });
      for (const { guestProof } of [failed, cancelled, late]) expect(guestProof?.ok).toBe(true);
      expect(readdirSync(folder)).toEqual([]);
    }));
});

describe('a differential save', () => {
  it('has few pages, and needs its base', () =>
    inFolder(async (folder) => {
      const [base, next] = [join(folder, 'base'), join(folder, 'next')];
      await saveVirtual(smallGuest(), saveTo(base));
      const later = smallGuest({ migration: { startAfterNs: 30e6 } });
      const saved = await saveVirtual(later, saveTo(next, { mode: 'live', base }));
      const { here, base: inBase } = saved.counts.places;
      expect(saved.proof?.ok).toBe(true);
      expect(here).toBeLessThan(inBase);
      expect(here).toBeGreaterThan(20);
      expect(withChain(next, (chain) => chain.files.length)).toBe(2);
      renameSync(base, join(folder, 'elsewhere'));
      await expect(saveVirtual(later, saveTo(join(folder, 'x'), { base }))).rejects.toThrow(
        /base can't be read: there is no such file/,
      );
    }));
});

describe.each(['offline', 'live', 'background'] as const)('a guest that is saved %s', (mode) => {
  it('lives on in a restore; the proof holds over both lives, and the bytes are the same every time', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'guest.snap');
      const config = smallGuest();
      const saved = await saveVirtual(config, saveTo(path, { mode }));
      expect(saved.end).toMatchObject({ outcome: 'completed', guestLost: false });
      expect(saved.proof).toMatchObject({ ok: true, pagesCompared: 1024 });
      expect(saved.guest.savedAccesses).toBeGreaterThan(300);
      const chain = new SnapshotChain(path);
      const restored = await restoreVirtual(config, chain);
      chain.close();
      expect(restored.proof).toMatchObject({ kind: 'full', ok: true, problems: [] });
      expect(restored.guest.savedAccesses).toBe(saved.guest.savedAccesses);
      expect(restored.guest.accesses).toBeGreaterThan(saved.guest.savedAccesses! + 300);
      await saveVirtual(config, saveTo(`${path}2`, { mode }));
      expect(readFileSync(path).equals(readFileSync(`${path}2`))).toBe(true);
    }));
});
