import { describe, expect, it } from 'vitest';
import { OneEvent } from '../../src/clock/process.ts';
import { VirtualClock } from '../../src/clock/virtual.ts';

describe('a virtual clock', () => {
  it('is moved forward, and never back', () => {
    const clock = new VirtualClock();
    clock.moveTo(5);
    clock.spend(2);
    expect(clock.now()).toBe(7);
    clock.moveTo(6);
    expect(clock.now()).toBe(7);
    clock.moveTo(9);
    expect(clock.now()).toBe(9);
  });
});

describe('an event', () => {
  it('happens at its time, and at once when that is past', () => {
    const times: number[] = [];
    const event = new OneEvent(10, (nowNs) => times.push(nowNs));
    expect([event.nextNs(3), event.nextNs(12)]).toEqual([10, 12]);
    expect(event.isOver).toBe(false);
    event.step(12);
    expect(event.isOver).toBe(true);
    expect(times).toEqual([12]);
  });
});
