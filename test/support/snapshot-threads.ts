import { join } from 'node:path';
import { expect } from 'vitest';
import type { RestoreRequest } from '../../src/runtime/common/snapshot/restore-report.ts';
import type { SaveRequest } from '../../src/runtime/common/snapshot/save-report.ts';
import { restoreThreads } from '../../src/runtime/threads/snapshot/restore.ts';
import { saveThreads } from '../../src/runtime/threads/snapshot/save.ts';
import { EAGER } from '../../src/runtime/virtual/snapshot/restore.ts';
import { SnapshotChain } from '../../src/snapshot/reader.ts';
import { inFolder, saveTo, smallGuest } from './snapshots.ts';

/** Saves a small guest in real time, restores it, and expects both to be proved. */
export function saveAndRestore(
  save: Partial<SaveRequest>,
  restore: Partial<RestoreRequest>,
): Promise<void> {
  return inFolder(async (folder) => {
    const config = smallGuest({ runtime: 'threads' });
    const path = join(folder, 'guest.snap');
    const saved = await saveThreads(config, saveTo(path, save));
    expect(saved.end).toMatchObject({ outcome: 'completed' });
    expect(saved.proof).toMatchObject({ ok: true, pagesCompared: 1024 });
    expect(saved.guestProof?.ok).toBe(save.mode === 'background' ? true : undefined);
    const chain = new SnapshotChain(path);
    const request = { ...EAGER, ...restore };
    const restored = await restoreThreads(config, chain, request);
    chain.close();
    expect(restored.proof).toMatchObject({ kind: 'full', ok: true });
    expect(restored.guest.savedAccesses).toBe(saved.guest.savedAccesses);
    expect(restored.guest.accesses).toBeGreaterThan(restored.guest.savedAccesses);
    expect(restored.guest.faults !== undefined).toBe(request.isLazy);
  });
}
