import { describe, expect, it } from 'vitest';
import { explore } from './explore.ts';
import { modelGlobals, modelWords } from './model-views.ts';
import { choose, sharedBuffer, type World } from './world.ts';

/** The `Atomics` of the model, with which these tests write their threads. */
const atomics = modelGlobals['Atomics'] as typeof Atomics;

/** Makes a world over a few words, and collects what its threads return in any schedule. */
function outcomesOf(threads: Record<string, (words: Int32Array) => unknown>): Set<string> {
  const outcomes = new Set<string>();
  const { violation } = explore((): World => {
    const words = modelWords(sharedBuffer(64));
    return {
      threads: Object.fromEntries(
        Object.entries(threads).map(([name, body]) => [name, () => body(words)]),
      ),
      judge(values) {
        outcomes.add(JSON.stringify(values));
        return undefined;
      },
    };
  });
  expect(violation).toBeUndefined();
  return outcomes;
}

/** Words of the worlds here. */
const [X, Y] = [0, 1];

describe('the memory of the model', () => {
  it('keeps atomics in one order for all: of two who store and then load, one sees the other', () => {
    const outcomes = outcomesOf({
      a: (words) => (atomics.store(words, X, 1), atomics.load(words, Y)),
      b: (words) => (atomics.store(words, Y, 1), atomics.load(words, X)),
    });
    expect([...outcomes].toSorted()).toEqual(['[0,1]', '[1,0]', '[1,1]']);
  });

  it('lets a plain store reach memory after a load that follows it, atomic or not', () => {
    const outcomes = outcomesOf({
      a: (words) => ((words[X] = 1), atomics.load(words, Y)),
      b: (words) => ((words[Y] = 1), words[X]),
    });
    expect(outcomes).toContain('[0,0]');
  });

  it('lets plain stores reach memory in any order, but not beyond an atomic store', () => {
    const reader = (words: Int32Array): unknown => [atomics.load(words, Y), atomics.load(words, X)];
    const plain = outcomesOf({ a: (words) => void ((words[X] = 1), (words[Y] = 1)), b: reader });
    expect(plain).toContain('[null,[1,0]]');
    const atomic = outcomesOf({
      a: (words) => void ((words[X] = 1), atomics.store(words, Y, 1)),
      b: reader,
    });
    expect([...atomic].toSorted()).toEqual(['[null,[0,0]]', '[null,[0,1]]', '[null,[1,1]]']);
    const toItself = outcomesOf({
      a: (words) => void ((words[X] = 1), atomics.store(words, 9, 1), (words[Y] = 1)),
      b: reader,
    });
    expect(toItself).not.toContain('[null,[1,0]]');
  });

  it('keeps plain stores to one place in order, and shows them to their own thread at once', () => {
    const outcomes = outcomesOf({
      a: (words) => ((words[X] = 1), (words[X] = 2), words[X]),
      b: (words) => [words[X], words[X]],
      c: (words) => void atomics.compareExchange(words, X, 7, 8),
    });
    expect([...outcomes].toSorted()).toEqual(
      ['[0,0]', '[0,1]', '[0,2]', '[1,1]', '[1,2]', '[2,2]'].map((seen) => `[2,${seen},null]`),
    );
  });

  it('loses no increment that is atomic, and finds the one that is not', () => {
    const twice = (add: (words: Int32Array) => number) => outcomesOf({ a: add, b: add });
    const atomic = twice((words) => atomics.add(words, X, 1));
    expect([...atomic].toSorted()).toEqual(['[0,1]', '[1,0]']);
    const plain = twice((words) => words[X]!++);
    expect(plain).toContain('[0,0]');
  });

  it('makes every choice', () => {
    const outcomes = outcomesOf({ a: () => [choose(2, 'first'), choose(3, 'second')] });
    expect(outcomes.size).toBe(6);
  });
});

describe('an exploration', () => {
  const worldOf = (a: (words: Int32Array) => void, b: (words: Int32Array) => void, more = {}) =>
    explore((): World => {
      const words = modelWords(sharedBuffer(64, (at) => ['news', 'asleep'][at / 4]!));
      return { threads: { sleeper: () => a(words), waker: () => b(words) }, ...more };
    });
  const wake = (words: Int32Array): void => {
    atomics.store(words, X, 1);
    if (atomics.load(words, Y) === 1) atomics.notify(words, X);
  };

  it('finds a sleeper whom nobody wakes, and says how that came about', () => {
    const right = worldOf((words) => {
      atomics.store(words, Y, 1);
      atomics.wait(words, X, 0);
    }, wake);
    expect(right.violation).toBeUndefined();
    const wrong = worldOf(
      (words) => {
        if (atomics.load(words, X) === 1) return;
        atomics.store(words, Y, 1);
        atomics.wait(words, X, atomics.load(words, X));
      },
      wake,
      {},
    );
    expect(wrong.violation).toEqual({
      message: 'sleeper sleeps for ever',
      schedule: [
        'sleeper: loads news, which is 0',
        'waker: stores news = 1',
        'waker: loads asleep, which is 0',
        'sleeper: stores asleep = 1',
        'sleeper: loads news, which is 1',
        'sleeper: falls asleep',
      ],
    });
  });

  it('wakes who waits for what was shared before anybody was known to wait for it', () => {
    const outcomes = outcomesOf({
      waker(words) {
        atomics.store(words, Y, 1);
        atomics.store(words, X, 1);
        atomics.notify(words, X);
      },
      sleeper(words) {
        atomics.load(words, X);
        if (atomics.load(words, Y) === 0) return 'early';
        atomics.wait(words, X, 0);
        return 'late';
      },
    });
    expect([...outcomes].toSorted()).toEqual(['[null,"early"]', '[null,"late"]']);
  });

  it('lets a wait end by itself only when the world says so', () => {
    const sleep = (words: Int32Array): void => void atomics.wait(words, X, 0, 100);
    const nothing = (): void => undefined;
    expect(worldOf(sleep, nothing).violation?.message).toBe('sleeper sleeps for ever');
    expect(worldOf(sleep, nothing, { timeouts: 1 }).violation).toBeUndefined();
  });

  it('finds a thread that spins for ever on what nobody writes', () => {
    const { violation } = worldOf(
      (words) => {
        while (atomics.load(words, X) === 0);
      },
      () => undefined,
    );
    expect(violation?.message).toBe('sleeper spins for ever');
  });

  it('finds an error that is thrown in one schedule only', () => {
    const { violation } = worldOf(
      (words) => {
        if (atomics.load(words, X) === 1 && atomics.load(words, Y) === 0)
          throw new Error('between');
      },
      (words) => {
        atomics.store(words, X, 1);
        atomics.store(words, Y, 1);
      },
    );
    expect(violation?.message).toBe('between');
  });

  it('counts the schedules', () => {
    // Six steps, three of them the first thread's. A state is how it came about, as each step has a result of its own.
    const three = (words: Int32Array): void => {
      for (let i = 0; i < 3; i++) atomics.add(words, X, 1);
    };
    expect(worldOf(three, three)).toEqual({ states: 69, schedules: 20 });
  });
});
