import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { monotonicOrigin } from '../../src/clock/monotonic.ts';
import { planMemory } from '../../src/guest/memory-plan.ts';
import { readAccesses, writePlan } from '../../src/guest/stream-record.ts';
import type { Workload } from '../../src/guest/workload.ts';
import { PAUSE } from '../../src/memory/handshake/words.ts';
import { createGuestSide, openGuestSide } from '../../src/runtime/common/guest-side.ts';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { RunWords } from '../../src/runtime/threads/run-words.ts';

const busy: Workload = {
  pattern: { kind: 'uniform' },
  firstGfn: 0,
  pages: 256,
  rate: Infinity,
  writes: 1,
  wordsPerPage: 1,
  fromNs: 0,
  untilNs: Infinity,
};

function createGuest(workload: Workload, kind: 'bitmap' | 'none') {
  const shape = { memoryBytes: 256 * 4096, pageSize: 4096, vcpus: 1, memslots: 1 };
  const { plan, geometries } = planMemory({ ...shape, dirtyLog: kind, workloads: [workload] }, 1);
  return { shared: createGuestSide(geometries(0), plan, { kind, ringSize: 1024 }), plan };
}

function guest(workload: Workload) {
  const { shared, plan } = createGuest(workload, 'bitmap');
  const guestSide = openGuestSide(shared);
  const slot = guestSide.memory.slots[0]!;
  writePlan(slot, plan);
  Atomics.store(guestSide.words, PAUSE, 1);
  const words = new RunWords();
  const task = {
    guestSide: shared,
    plan,
    vcpu: 0,
    clockOrigin: monotonicOrigin(),
    runWords: words.buffer,
  };
  return { guestSide, task, accesses: () => readAccesses(slot, 0) };
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(1);
}

describe('a vCPU thread', () => {
  let pool: WorkerPool;
  beforeAll(() => {
    pool = new WorkerPool(1);
  });
  afterAll(() => pool.destroy());

  it('runs, pauses, resumes and leaves as it is told through shared memory', async () => {
    const { guestSide, task, accesses } = guest(busy);
    const ended = pool.run('vcpu', task);
    guestSide.engine.resume();
    await until(() => guestSide.engine.areAllRunning() && accesses() > 1000);
    guestSide.engine.pause();
    await until(() => guestSide.engine.areAllParked());
    const stopped = accesses();
    await sleep(50);
    expect(accesses()).toBe(stopped);
    guestSide.engine.resume();
    await until(() => accesses() > stopped);
    guestSide.engine.stop();
    await ended;
  });

  it('is slowed down by a throttle', async () => {
    const { guestSide, task, accesses } = guest(busy);
    const ended = pool.run('vcpu', task);
    guestSide.engine.resume();
    await until(() => accesses() > 1000);
    const span = async (): Promise<number> => {
      const before = accesses();
      await sleep(400);
      return accesses() - before;
    };
    // Free and throttled spans take turns, so that a machine which is busy for a while is so for both.
    const made = { free: 0, throttled: 0 };
    for (let turn = 0; turn < 4; turn++) {
      guestSide.engine.throttle(0);
      await sleep(20);
      made.free += await span();
      guestSide.engine.throttle(0.95);
      await sleep(20);
      made.throttled += await span();
    }
    // The pool has one thread, which the next test needs whatever becomes of this one.
    guestSide.engine.stop();
    await ended;
    // One twentieth is asked for. A busy machine gives a vCPU that has slept more than that, but not as much as this.
    expect(made.throttled).toBeLessThan(0.75 * made.free);
  });

  it('makes no access outside its phase', async () => {
    const { guestSide, task, accesses } = guest({ ...busy, fromNs: 3600e9 });
    const ended = pool.run('vcpu', task);
    guestSide.engine.resume();
    await sleep(60);
    guestSide.engine.stop();
    await ended;
    expect(accesses()).toBe(0);
  });

  it('makes each access of a held trace once', async () => {
    const intervals = [Uint32Array.of(1, 2, 3), Uint32Array.of(), Uint32Array.of(200)];
    const pattern = {
      kind: 'trace',
      intervals: { intervalNs: 5e6, endGfn: 201, intervals },
      speed: 1,
      end: 'hold',
    } as const;
    const { shared, plan } = createGuest({ ...busy, pattern }, 'none');
    const guestSide = openGuestSide(shared);
    const slot = guestSide.memory.slots[0]!;
    writePlan(slot, plan);
    const words = new RunWords();
    const ended = pool.run('vcpu', {
      guestSide: shared,
      plan,
      vcpu: 0,
      clockOrigin: monotonicOrigin(),
      runWords: words.buffer,
    });
    await until(() => readAccesses(slot, 0) === 4);
    await sleep(40);
    guestSide.engine.stop();
    await ended;
    expect(readAccesses(slot, 0)).toBe(4);
    const written = Array.from({ length: 256 }, (_, gfn) => gfn).filter(
      (gfn) => slot.ram[gfn * 4096] !== 0 || slot.ram[gfn * 4096 + 1] !== 0,
    );
    expect(written).toEqual([1, 2, 3, 200]);
  });
});
