import { setTimeout as sleep } from 'node:timers/promises';

/** A worker of a run died, or did not do what it must in time. */
export class CrewError extends Error {
  override readonly name = 'CrewError';
}

/**
 * The long-running tasks of a run. The first one that fails ends every wait of the main thread;
 * nothing waits without a bound.
 */
export class Crew {
  readonly #tasks: Promise<unknown>[] = [];
  readonly #nowMs: () => number;
  #failure: CrewError | undefined;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  get failure(): CrewError | undefined {
    return this.#failure;
  }

  /**
   * Watches a task; the name says whose death it would be. The run goes on without it when `onDeath`
   * says so, for instance because the guest can stay at the source when the destination dies.
   */
  watch<Result>(
    name: string,
    task: Promise<Result>,
    onDeath?: (error: CrewError) => boolean,
  ): Promise<Result> {
    const watched = task.catch((cause: unknown) => {
      const message = cause instanceof Error ? cause.message : String(cause);
      const error = new CrewError(`${name} died: ${message}`, { cause });
      if (!onDeath?.(error)) this.#failure ??= error;
      throw error;
    });
    // Everybody who needs the result awaits it; a rejection nobody awaits is in `failure` already.
    watched.catch(() => undefined);
    this.#tasks.push(watched);
    return watched;
  }

  /** Polls for a condition in shared memory; throws what failed, or says who was late. */
  async until(what: string, isTrue: () => boolean, timeoutMs: number): Promise<void> {
    const endMs = this.#nowMs() + timeoutMs;
    while (!isTrue()) {
      if (this.#failure) throw this.#failure;
      if (this.#nowMs() > endMs) throw new CrewError(`${what}: not within ${timeoutMs / 1000} s`);
      await sleep(1);
    }
  }

  /** The result of a watched task; throws when it, or anybody else who matters, dies first. */
  async result<Result>(task: Promise<Result>): Promise<Result> {
    let isOver = false;
    const over = task.finally(() => (isOver = true));
    const died = this.until('the run', () => isOver, Infinity).then(() => over);
    return Promise.race([over, died]);
  }

  /** Lets time pass; ends early when something failed (throws) or `isEnough`. */
  async pass(ms: number, isEnough: () => boolean): Promise<void> {
    const endMs = this.#nowMs() + ms;
    while (this.#nowMs() < endMs && !isEnough()) {
      if (this.#failure) throw this.#failure;
      await sleep(Math.min(20, Math.max(0, endMs - this.#nowMs())));
    }
  }

  /** Waits for all tasks to end; false when some are still at it after `timeoutMs`. */
  async haveAllLeft(timeoutMs: number): Promise<boolean> {
    const late = sleep(timeoutMs, false, { ref: false });
    return Promise.race([Promise.allSettled(this.#tasks).then(() => true), late]);
  }
}
