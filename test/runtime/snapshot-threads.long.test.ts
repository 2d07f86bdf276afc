import { describe, it } from 'vitest';
import { saveAndRestore } from '../support/snapshot-threads.ts';

describe('a guest of threads', () => {
  it('is saved in the background, and restored by two readers', () =>
    saveAndRestore({ mode: 'background' }, { channels: 2 }));

  it('is saved offline by three writers, and restored by one reader', () =>
    saveAndRestore({ mode: 'offline', channels: 3 }, {}));
});
