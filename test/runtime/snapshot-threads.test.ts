import { describe, it } from 'vitest';
import { saveAndRestore } from '../support/snapshot-threads.ts';

describe('a guest of threads', () => {
  it('is saved live by two writers, and restored while it runs', () =>
    saveAndRestore({ mode: 'live', channels: 2, direct: true }, { isLazy: true, recordNs: 20e6 }));
});
