import { describe, expect, it } from 'vitest';
import { PROVED, saveAndRestore } from '../support/snapshot-threads.ts';

describe('a guest of threads', () => {
  it('is saved in the background, and restored by two readers', async () => {
    const both = await saveAndRestore({ mode: 'background' }, { channels: 2 });
    expect(both).toMatchObject(PROVED);
    expect(both.saved.guestProof).toMatchObject({ ok: true, kind: 'full' });
  });

  it('is saved offline by three writers past the page cache, and restored by one reader', async () => {
    const save = { mode: 'offline', channels: 3, direct: true } as const;
    expect(await saveAndRestore(save, {})).toMatchObject(PROVED);
  });
});
