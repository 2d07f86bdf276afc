import { describe, expect, it } from 'vitest';
import { Doorbell } from '../../src/memory/doorbell.ts';
import { EngineHandshake } from '../../src/memory/handshake/engine.ts';
import { createHandshake, DOORBELL } from '../../src/memory/handshake/words.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import { explore } from '../support/handshake-model.ts';
import type { Bug, ModelOptions } from '../support/handshake-world.ts';

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

describe('a writer', () => {
  const open = () => {
    const words = new Int32Array(createHandshake(2));
    const engine = new EngineHandshake(words, 2);
    const writer = new WriterHandshake(words, 1, new Doorbell(words, DOORBELL));
    return { engine, writer };
  };

  it('that starts to run at once does not count as parked', () => {
    const { engine, writer } = open();
    expect(engine.areAllParked()).toBe(true);
    expect(writer.poll()).toBe(true);
    expect(engine.areAllParked()).toBe(false);
    engine.bumpEpoch(1);
    expect(engine.haveAllAcknowledged()).toBe(false);
    expect(writer.poll()).toBe(true);
    expect(engine.haveAllAcknowledged()).toBe(true);
  });

  it('that polls while it is paused stays parked, and says that it runs once it does', () => {
    const { engine, writer } = open();
    writer.poll();
    engine.pause();
    expect(writer.poll()).toBe(false);
    expect(writer.poll()).toBe(false);
    expect(engine.areAllParked()).toBe(true);
    engine.resume();
    expect(writer.poll()).toBe(true);
    expect(engine.areAllParked()).toBe(false);
  });

  it('that slept through a pause and its end still tells that it was resumed', () => {
    const { engine, writer } = open();
    writer.poll();
    expect(writer.hasBeenResumed()).toBe(false);
    engine.pause();
    engine.resume();
    expect(engine.areAllRunning()).toBe(false);
    expect(writer.sleep(0)).toBe(true);
    expect(writer.hasBeenResumed()).toBe(true);
    writer.reportRunning();
    expect(engine.areAllRunning()).toBe(true);
    expect(writer.hasBeenResumed()).toBe(false);
  });
});
