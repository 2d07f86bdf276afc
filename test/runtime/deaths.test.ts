import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { monotonicOrigin } from '../../src/clock/monotonic.ts';
import { Doorbell } from '../../src/memory/doorbell.ts';
import { awaitStart } from '../../src/runtime/threads/await-start.ts';
import { ThreadGuest } from '../../src/runtime/threads/guest.ts';
import { WorkerPool } from '../../src/runtime/threads/pool.ts';
import { RunWords } from '../../src/runtime/threads/run-words.ts';
import type { Tasks } from '../../src/runtime/threads/tasks.ts';
import { ThreadWorld } from '../../src/runtime/threads/world.ts';
import { isSending, runUntil } from '../support/live-events.ts';
import { smallRun } from '../support/run-config.ts';

/** A pool whose tasks of one name fail on command, as they do when their thread dies. */
class MortalPool extends WorkerPool {
  /** Tasks of this name fail from now on, before they begin. */
  stillborn: keyof Tasks | undefined;
  readonly #deaths = new Map<keyof Tasks, (error: Error) => void>();

  override run<Name extends keyof Tasks>(
    name: Name,
    task: Tasks[Name][0],
  ): Promise<Tasks[Name][1]> {
    if (name === this.stillborn) return Promise.reject(new Error('it was never born'));
    const death = new Promise<never>((_, reject) => this.#deaths.set(name, reject));
    return Promise.race([super.run(name, task), death]);
  }

  /** The task of this name that has begun last fails now. */
  kill(name: keyof Tasks): void {
    this.#deaths.get(name)!(new Error('it was killed'));
  }
}

const pool = new MortalPool(6);
afterAll(() => pool.destroy());

describe('the engine of the destination', () => {
  it('that dies before the guest runs ends the run at once', async () => {
    const guest = new ThreadGuest(smallRun(), {
      options: {},
      pool,
      clockOrigin: monotonicOrigin(),
    });
    await guest.settle();
    pool.stillborn = 'destination';
    // A run that does not notice waits for all threads, which takes a minute.
    const waits = sleep(20_000, 'waits', { ref: false });
    const end = await Promise.race([guest.launch().then(() => 'is over'), waits]);
    pool.stillborn = undefined;
    expect(end).toBe('is over');
    expect(guest.outcome).toMatchObject({ outcome: 'failed', guestLost: false });
    expect(guest.outcome.error).toBe(
      'the destination engine died: it was never born (in phase prepare)',
    );
    await guest.leave();
  });

  it('that dies during the migration leaves the guest at the source, and the guest is proved', async () => {
    // One round takes more than half a minute, and the migration is not given up before.
    const slow = smallRun({ link: { bytesPerSecond: 200e3 }, migration: { timeoutNs: Infinity } });
    const { source, proof } = await runUntil(slow, { pool }, isSending, () =>
      pool.kill('destination'),
    );
    expect(source).toMatchObject({ outcome: 'failed', guestLost: false });
    expect(source.error).toMatch(
      /the link is dead.*\(the destination engine died: it was killed\)/,
    );
    expect(proof).toMatchObject({ ok: true, kind: 'full' });
  });
});

describe('a guest of a world of threads', () => {
  it('stands still once its time after the migration is over', async () => {
    const guest = new ThreadGuest(smallRun(), {
      options: {},
      pool,
      clockOrigin: monotonicOrigin(),
    });
    try {
      await guest.settle();
      await guest.launch();
      await guest.liveBefore();
      await guest.migrate(undefined);
      await guest.liveAfter();
      expect(guest.outcome.outcome).toBe('completed');
      const { accesses } = guest.look();
      // A guest that goes on makes some thousand accesses meanwhile.
      await sleep(50);
      expect(guest.look().accesses).toBe(accesses);
    } finally {
      await guest.leave();
    }
  });

  it('is refused by a pool that has one thread too few', async () => {
    const small = new WorkerPool(5);
    const world = new ThreadWorld({ hosts: [{ name: 'here' }] }, { pool: small });
    const guests = [{ name: 'guest', host: 'here', config: smallRun() }];
    await expect(world.settle(guests)).rejects.toThrow('the run needs 6 threads, the pool has 5');
    await small.destroy();
  });
});

describe('the wait of an engine for its start', () => {
  /** Runs the wait; `onSleep` is called in place of each sleep, and hears whether a ring would have ended it at once. */
  const wait = (
    words: Pick<RunWords, 'isStarted' | 'isAborted'>,
    onSleep: (isOver: boolean) => void,
    doorbell: Doorbell,
  ): void =>
    awaitStart(words, {
      sequence: () => doorbell.sequence(),
      wait: (sequence) => onSleep(sequence !== doorbell.sequence()),
    });

  it('sleeps until it is started', () => {
    const words = new RunWords();
    const sleeps: boolean[] = [];
    const doorbell = new Doorbell(new Int32Array(new SharedArrayBuffer(8)), 0);
    const onSleep = (isOver: boolean): void => {
      if (sleeps.push(isOver) === 2) words.start();
    };
    wait(words, onSleep, doorbell);
    expect(sleeps).toEqual([false, false]);
  });

  it('does not sleep through a start that comes right after its look', () => {
    const words = new RunWords();
    const sleeps: boolean[] = [];
    const doorbell = new Doorbell(new Int32Array(new SharedArrayBuffer(8)), 0);
    const startAfterLook = (): boolean => {
      const isStarted = words.isStarted();
      words.start();
      doorbell.ring();
      return isStarted;
    };
    wait(
      { isStarted: startAfterLook, isAborted: words.isAborted },
      (over) => sleeps.push(over),
      doorbell,
    );
    expect(sleeps).toEqual([true]);
  });

  it('ends with an error when the run is aborted', () => {
    const words = new RunWords();
    const doorbell = new Doorbell(new Int32Array(new SharedArrayBuffer(8)), 0);
    expect(() => wait(words, () => words.abort(), doorbell)).toThrow('the run was aborted');
  });
});
