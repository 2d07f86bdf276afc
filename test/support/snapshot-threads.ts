import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type {
  RestoreReport,
  RestoreRequest,
} from '../../src/runtime/common/snapshot/restore-report.ts';
import type { SaveReport, SaveRequest } from '../../src/runtime/common/snapshot/save-report.ts';
import { restoreThreads } from '../../src/runtime/threads/snapshot/restore.ts';
import { saveThreads } from '../../src/runtime/threads/snapshot/save.ts';
import { EAGER } from '../../src/runtime/virtual/snapshot/restore.ts';
import { SnapshotChain } from '../../src/snapshot/reader.ts';
import { saveTo, smallGuest } from './snapshots.ts';

/** Saves a small guest in real time and restores it; returns both reports. */
export async function saveAndRestore(
  save: Partial<SaveRequest>,
  restore: Partial<RestoreRequest>,
): Promise<{ saved: SaveReport; restored: RestoreReport }> {
  const folder = mkdtempSync(join(tmpdir(), 'pageferry-snapshot-'));
  const config = smallGuest({ runtime: 'threads' });
  const path = join(folder, 'guest.snap');
  try {
    const saved = await saveThreads(config, saveTo(path, save));
    const chain = new SnapshotChain(path);
    const restored = await restoreThreads(config, chain, { ...EAGER, ...restore });
    chain.close();
    return { saved, restored };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the reports of a save and a restore have if the guest has lived on as it was saved. */
export const PROVED = {
  saved: { end: { outcome: 'completed' }, proof: { ok: true, pagesCompared: 1024 } },
  restored: { outcome: 'completed', proof: { kind: 'full', ok: true } },
} as const;
