import { describe, expect, it } from 'vitest';
import { type Bug, explore, type ModelOptions } from '../support/handshake-model.ts';

/** Small enough to enumerate, large enough for every planted bug. */
const oneWriter = { writers: 1, writes: 2, harvests: 2 } as const;
const twoWriters = { writers: 2, writes: 1, harvests: 1 } as const;

describe('the handshake, every interleaving of it', () => {
  it.each([
    ['bitmap', oneWriter],
    ['atomic', oneWriter],
    ['bitmap', twoWriters],
    ['atomic', twoWriters],
  ] as const)('%s log loses no write: %o', (log, size) => {
    const { violation, ends, states } = explore({ log, ...size });
    expect(violation).toBeUndefined();
    expect(ends).toBeGreaterThan(10);
    console.log(`${log}, ${size.writers} writer(s): ${states} states, ${ends} ends`);
  });
});

describe('a planted bug is found', () => {
  const finds = (log: ModelOptions['log'], bug: Bug): void => {
    it(`${log} log: ${bug}`, () => {
      expect(explore({ log, ...oneWriter, bug }).violation).toBeDefined();
    });
  };
  finds('atomic', 'test before mark');
  finds('atomic', 'mark before write');
  finds('atomic', 'read before harvest');
  finds('bitmap', 'harvest before acknowledgement');
  finds('bitmap', 'acknowledgement before the window ends');
  finds('bitmap', 'unpark without re-reading the epoch');
  finds('bitmap', 'last set from one map');
  finds('bitmap', 'read before harvest');
});
