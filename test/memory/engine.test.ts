import { describe, expect, it } from 'vitest';
import { Doorbell } from '../../src/memory/doorbell.ts';
import { EngineHandshake } from '../../src/memory/handshake/engine.ts';
import { CHECK_EPOCH, PARK, writerLocal, writerStep } from '../../src/memory/handshake/steps.ts';
import { createHandshake, DOORBELL, wakeOf } from '../../src/memory/handshake/words.ts';
import { WriterHandshake } from '../../src/memory/handshake/writer.ts';

const WRITERS = 3;

/** An engine with its host side (writer 0) and two vCPUs. */
function open() {
  const words = new Int32Array(createHandshake(WRITERS));
  const doorbell = new Doorbell(words, DOORBELL);
  const writers = [0, 1, 2].map((number) => new WriterHandshake(words, number, doorbell));
  return { words, doorbell, writers, engine: new EngineHandshake(words, WRITERS) };
}

describe('an engine', () => {
  it('waits for nobody at first, since no writer has begun to run', () => {
    const { engine } = open();
    engine.bumpEpoch(1);
    expect(engine.haveAllAcknowledged()).toBe(true);
    expect(engine.areAllParked()).toBe(true);
  });

  it('counts the host side among the writers that must park and acknowledge', () => {
    const { engine, writers } = open();
    writers[0]!.poll();
    expect(engine.areAllParked()).toBe(false);
    engine.bumpEpoch(1);
    expect(engine.haveAllAcknowledged()).toBe(false);
    engine.pause();
    writers[0]!.poll();
    expect([engine.areAllParked(), engine.haveAllAcknowledged()]).toEqual([true, true]);
  });

  it('throttles the vCPU that it names, or all of them, and leaves each one percent', () => {
    const { engine, writers } = open();
    const shares = (): number[] => writers.map((writer) => writer.throttle());
    engine.throttle(0.25, 1);
    expect(shares()).toEqual([0, 0, 0.25]);
    engine.throttle(0.5, 0);
    expect(shares()).toEqual([0, 0.5, 0.25]);
    engine.throttle(1);
    expect(shares()).toEqual([0, 0.99, 0.99]);
    engine.throttle(0);
    expect(shares()).toEqual([0, 0, 0]);
  });

  it('wakes every writer when it ends a stun, a pause, or all of them', () => {
    const { engine, words } = open();
    const sequences = (): number[] => [0, 1, 2].map((writer) => words[wakeOf(writer)]!);
    const grow = (act: () => void): boolean => {
      const before = sequences();
      act();
      return sequences().every((value, i) => value > before[i]!);
    };
    expect(grow(() => engine.stun(0))).toBe(true);
    expect(grow(() => engine.resume())).toBe(true);
    expect(grow(() => engine.stop())).toBe(true);
    expect(grow(() => engine.stun(40))).toBe(false);
  });
});

describe('a writer that parks', () => {
  it('rings when a pause has come', () => {
    const { engine, writers, doorbell } = open();
    writers[1]!.poll();
    engine.pause();
    const before = doorbell.sequence();
    writers[1]!.poll();
    expect(doorbell.sequence()).not.toBe(before);
  });

  it('has news when an epoch came that it has not taken over, before it sleeps', () => {
    const { engine, words } = open();
    const local = writerLocal(1);
    const step = writerStep(words, local, PARK);
    expect(step).toBe(CHECK_EPOCH);
    writerStep(words, local, step);
    expect(local.hasNews).toBe(false);
    engine.bumpEpoch(1);
    writerStep(words, local, writerStep(words, local, PARK));
    expect(local.hasNews).toBe(true);
  });
});
