import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { saveThreads } from '../../src/runtime/threads/snapshot/save.ts';
import { restoreVirtual } from '../../src/runtime/virtual/snapshot/restore.ts';
import { SnapshotChain } from '../../src/snapshot/reader.ts';
import { inFolder, saveTo, smallGuest } from '../support/snapshots.ts';

describe('a guest of threads', () => {
  it.each([
    ['live', 2],
    ['background', 1],
  ] as const)('is saved %s by %i threads, and restored', (mode, channels) =>
    inFolder(async (folder) => {
      const path = join(folder, 'guest.snap');
      const config = smallGuest({ runtime: 'threads' });
      const saved = await saveThreads(config, saveTo(path, { mode, channels, direct: true }));
      expect(saved.end).toMatchObject({ outcome: 'completed' });
      expect(saved.proof).toMatchObject({ ok: true, pagesCompared: 1024 });
      expect(saved.guestProof?.ok).toBe(mode === 'background' ? true : undefined);
      const chain = new SnapshotChain(path);
      const restored = await restoreVirtual(config, chain);
      chain.close();
      expect(restored.proof).toMatchObject({ kind: 'full', ok: true });
      expect(restored.guest.savedAccesses).toBe(saved.guest.savedAccesses);
    }),
  );
});
