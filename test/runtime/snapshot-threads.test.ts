import { describe, expect, it } from 'vitest';
import { PROVED, saveAndRestore } from '../support/snapshot-threads.ts';

describe('a guest of threads', () => {
  it('is saved live by two writers, and restored while it runs', async () => {
    const lazy = { isLazy: true, recordNs: 20e6 };
    const { saved, restored } = await saveAndRestore({ mode: 'live', channels: 2 }, lazy);
    expect({ saved, restored }).toMatchObject(PROVED);
    expect(restored.guest.savedAccesses).toBe(saved.guest.savedAccesses);
    expect(restored.guest.accesses).toBeGreaterThan(restored.guest.savedAccesses);
    expect(restored.guest.faults!.count).toBeGreaterThan(0);
  });
});
