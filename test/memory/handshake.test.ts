import { describe, expect, it } from 'vitest';
import { Doorbell } from '../../src/memory/doorbell.ts';
import { EngineHandshake } from '../../src/memory/handshake/engine.ts';
import { createHandshake, DOORBELL } from '../../src/memory/handshake/words.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';
import { explore } from '../support/interleave/explore.ts';
import type { Edit } from '../support/interleave/program.ts';
import { openGuestProgram } from '../support/worlds/guest-world.ts';
import { PLANTED } from '../support/worlds/precopy-bugs.ts';
import { type PrecopyOptions, precopyWorld } from '../support/worlds/precopy-world.ts';

/** Small enough to enumerate, large enough for every planted bug. */
const small = { vcpus: 1, writes: 1, harvests: 1 } as const;

describe('the handshake, every interleaving of it', () => {
  it.each<[string, Partial<PrecopyOptions>]>([
    ['a bitmap', { log: 'bitmap' }],
    ['a bitmap, a harvest being under way when the pause comes', { harvests: 0, endsEarly: true }],
    ['a shared bitmap', { log: 'atomic' }],
    ['dirty rings', { log: 'ring', harvests: 0, endsEarly: true }],
  ])('no write is lost with %s', async (_, options) => {
    const program = await openGuestProgram();
    const { violation, states } = explore(() =>
      precopyWorld(program, { log: 'bitmap', ...small, ...options }),
    );
    expect(violation).toBeUndefined();
    expect(states).toBeGreaterThan(1000);
    console.log(`${JSON.stringify(options)}: ${states} states`);
  });
});

describe('a planted bug is found by name', () => {
  const finds = (
    name: string,
    options: Partial<PrecopyOptions>,
    edits: readonly Edit[] = [],
  ): void => {
    it(`${name} is found`, async () => {
      const program = await openGuestProgram(edits);
      const { violation, states } = explore(() =>
        precopyWorld(program, { log: 'bitmap', ...small, ...options }),
      );
      console.log(`${name}: ${states} states, ${violation?.message}`);
      expect(violation?.message).toMatch(/has made \d writes, the copy has \d/);
    });
  };
  for (const [name, options, edits] of PLANTED) finds(name, options, edits);
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
