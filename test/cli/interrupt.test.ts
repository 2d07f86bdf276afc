import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Interruption, isWorkLeft } from '../../src/cli/interrupt.ts';

const never = new Promise<never>(() => undefined);

function promiseOf<Result>() {
  let settle: ((result: Result) => void) | undefined;
  const promise = new Promise<Result>((resolve) => (settle = resolve));
  return { promise, resolve: settle! };
}

describe.each(['SIGINT', 'SIGTERM'] as const)('%s', (signal) => {
  let interrupt: Interruption;
  let firsts = 0;
  beforeEach(() => {
    vi.useFakeTimers();
    firsts = 0;
    interrupt = new Interruption(() => void firsts++);
  });
  afterEach(() => {
    interrupt.forget();
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it('cancels at once, and gives up what can not be cancelled within a second', () => {
    expect(interrupt.isOn).toBe(false);
    process.emit(signal, signal);
    expect({ firsts, isOn: interrupt.isOn, late: interrupt.late.aborted }).toEqual({
      firsts: 1,
      isOn: true,
      late: false,
    });
    vi.advanceTimersByTime(999);
    expect(interrupt.late.aborted).toBe(true);
  });

  it('gives nothing up when the command says that it goes on', () => {
    const other = new Interruption(() => false);
    process.emit(signal, signal);
    vi.advanceTimersByTime(5000);
    expect([other.isOn, other.late.aborted, interrupt.late.aborted]).toEqual([true, false, true]);
    other.forget();
  });

  it('is left to others once it is forgotten', () => {
    const before = process.listenerCount(signal);
    interrupt.forget();
    expect(process.listenerCount(signal)).toBe(before - 1);
  });

  it('leaves with 130 when it comes twice', () => {
    const exit = vi.spyOn(process, 'exit').mockReturnValue(undefined as never);
    process.emit(signal, signal);
    expect(exit).not.toHaveBeenCalled();
    process.emit(signal, signal);
    expect(exit).toHaveBeenCalledExactlyOnceWith(130);
  });

  it('ends the wait for a work, unless the work can not be given up', async () => {
    const given = interrupt.race(never);
    const { promise, resolve } = promiseOf<string>();
    const kept = interrupt.race(promise, () => false);
    process.emit(signal, signal);
    expect(await given).toBeUndefined();
    expect(isWorkLeft()).toBe(true);
    resolve('done');
    expect(await kept).toBe('done');
    expect(await interrupt.race(Promise.resolve(1), () => false)).toBe(1);
  });

  it('passes on what a work fails with before it', async () => {
    await expect(interrupt.race(Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });

  it('is mentioned as a key only to a person at a keyboard', () => {
    process.emit(signal, signal);
    expect(interrupt.hint).toBe(signal === 'SIGINT' ? ' (Ctrl-C again to leave at once)' : '');
  });
});
