import { describe, expect, it } from 'vitest';
import type { Process } from '../../src/clock/process.ts';
import { EventLoop } from '../../src/runtime/virtual/event-loop.ts';
import { VirtualWorld } from '../../src/runtime/virtual/world.ts';
import { stepper } from '../support/stepper.ts';

describe('the events of a virtual world', () => {
  it('come by time, then class, then in the order in which they were asked for', async () => {
    const loop = new EventLoop();
    const said: string[] = [];
    loop.add(stepper('late', [5, 30], said, 1));
    loop.add(stepper('early', [5, 20], said, 0));
    await loop.play(() => false);
    expect(said).toEqual(['early 5', 'late 5', 'early 20', 'late 30']);
    expect([loop.nowNs, loop.events]).toEqual([30, 4]);
  });

  it('are asked for anew when a process is woken', async () => {
    const loop = new EventLoop();
    const said: string[] = [];
    let atNs = 100;
    const sleeper: Process = {
      isOver: false,
      nextNs: () => atNs,
      step: (now) => {
        said.push(`sleeper ${now}`);
        atNs = Infinity;
      },
    };
    loop.add(sleeper);
    loop.add({
      isOver: false,
      nextNs: (nowNs) => (nowNs < 10 ? 10 : Infinity),
      step: () => {
        atNs = 12;
        loop.wake(sleeper);
      },
    });
    await loop.play(() => false);
    expect(said).toEqual(['sleeper 12']);
  });

  it('end with an error when a process goes round in circles', async () => {
    const loop = new EventLoop();
    loop.add({ isOver: false, nextNs: () => 7e9, step: () => undefined });
    await expect(loop.play(() => false)).rejects.toThrow(/time stands still at 7 s/);
  });

  it('may be any number, as long as time passes', async () => {
    const loop = new EventLoop();
    const last = 1_000_002;
    loop.add({
      get isOver() {
        return loop.events === last;
      },
      nextNs: (nowNs) => nowNs + 1,
      step: () => undefined,
    });
    await loop.play(() => false);
    expect([loop.events, loop.nowNs]).toEqual([last, last]);
  });

  it('are over for a process that is over, even if it is woken', async () => {
    const loop = new EventLoop();
    let steps = 0;
    const over: Process = {
      get isOver() {
        return steps > 0;
      },
      nextNs: (nowNs) => nowNs + 1,
      step: () => void steps++,
    };
    loop.add(over);
    loop.add(stepper('waker', [5, 10], []));
    await loop.play(() => (loop.wake(over), loop.events > 50));
    expect(steps).toBe(1);
  });
});

describe('a virtual world', () => {
  it("has events and processes of one's own beside its migrations", async () => {
    const host = { name: 'a', cpus: 1, nicBytesPerSecond: 1e6 };
    const world = new VirtualWorld({ hosts: [host], core: { bytesPerSecond: 1e6, latencyNs: 0 } });
    const said: string[] = [];
    world.at(25e6, (nowNs) => said.push(`at ${nowNs}`));
    world.add(stepper('monitor', [10e6, 40e6], said));
    let watches = 0;
    await world.play({
      begin: () => undefined,
      onMigrationEnd: () => undefined,
      watch: () => void watches++,
      get isOver() {
        return watches > 0;
      },
    });
    expect(said).toEqual(['monitor 10000000', 'at 25000000', 'monitor 40000000']);
  });
});
