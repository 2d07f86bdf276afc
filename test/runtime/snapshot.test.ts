import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { restoreVirtual } from '../../src/runtime/virtual/snapshot/restore.ts';
import { saveVirtual } from '../../src/runtime/virtual/snapshot/save.ts';
import { SnapshotChain } from '../../src/snapshot/reader.ts';
import { failingFiles, inFolder, saveTo, smallGuest } from '../support/snapshots.ts';

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
      expect(saved.source).toMatchObject({ outcome: 'failed', guestLost: false });
      expect(saved.source.error).toMatch(/guest.snap can't be written: no space is left/);
      expect(saved.proof).toBeUndefined();
      expect(saved.guestProof).toMatchObject({ ok: true, kind: 'full' });
      expect(saved.guest.accesses).toBeGreaterThan(300);
      expect(readdirSync(folder)).toEqual(['guest.snap']);
      expect(readFileSync(path, 'utf8')).toBe('old');
    }),
  );
});

describe.each(['offline', 'live'] as const)('a guest that is saved %s', (mode) => {
  it('lives on in a restore, and the proof holds over both lives', () =>
    inFolder(async (folder) => {
      const path = join(folder, 'guest.snap');
      const config = smallGuest();
      const saved = await saveVirtual(config, saveTo(path, { mode }));
      expect(saved.source).toMatchObject({ outcome: 'completed', guestLost: false });
      expect(saved.proof).toMatchObject({ ok: true, pagesCompared: 1024 });
      expect(saved.guest.savedAccesses).toBeGreaterThan(300);
      const chain = new SnapshotChain(path);
      const restored = await restoreVirtual(config, chain);
      chain.close();
      expect(restored.proof).toMatchObject({ kind: 'full', ok: true, problems: [] });
      expect(restored.guest.savedAccesses).toBe(saved.guest.savedAccesses);
      expect(restored.guest.accesses).toBeGreaterThan(saved.guest.savedAccesses! + 300);
    }));

  it('gives the same bytes every time', () =>
    inFolder(async (folder) => {
      const [one, two] = ['one', 'two'].map((name) => join(folder, name));
      for (const path of [one!, two!]) await saveVirtual(smallGuest(), saveTo(path, { mode }));
      expect(readFileSync(one!).equals(readFileSync(two!))).toBe(true);
    }));
});
