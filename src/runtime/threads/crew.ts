import { setTimeout as sleep } from 'node:timers/promises';

/** A worker of a run died, or did not do in time what it has to do. */
export class CrewError extends Error {
  override readonly name = 'CrewError';
}

/**
 * The long-running tasks of a run. The first task that fails ends every wait of the main thread, so that no
 * wait outlives a dead worker.
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
   * Watches a task, and returns it; `name` is what errors call its worker. When the task fails, the run fails
   * with a CrewError, unless `onDeath` returns true: the guest can stay at the source when the destination dies.
   */
  watch<Result>(
    name: string,
    task: Promise<Result>,
    onDeath?: (error: CrewError) => boolean,
  ): Promise<Result> {
    const result = task.catch((cause: unknown) => {
      const message = cause instanceof Error ? cause.message : String(cause);
      const error = new CrewError(`${name} died: ${message}`, { cause });
      if (!onDeath?.(error)) this.#failure ??= error;
      throw error;
    });
    // Whoever needs the result awaits it; a rejection that nobody awaits is in `failure` already.
    result.catch(() => undefined);
    this.#tasks.push(result);
    return result;
  }

  /**
   * Polls until a condition in shared memory is true; `what` names the condition in errors. Throws CrewError when
   * a task fails, or when `timeoutMs` have passed.
   */
  async until(what: string, isTrue: () => boolean, timeoutMs: number): Promise<void> {
    const endMs = this.#nowMs() + timeoutMs;
    while (!isTrue()) {
      if (this.#failure) throw this.#failure;
      if (this.#nowMs() > endMs) {
        throw new CrewError(`${what}: this did not happen within ${timeoutMs / 1000} s`);
      }
      await sleep(1);
    }
  }

  /** Returns the result of a watched task. Throws CrewError when it, or another task that the run needs, has failed. */
  async result<Result>(task: Promise<Result>): Promise<Result> {
    let isOver = false;
    const end = task.finally(() => (isOver = true));
    const failure = this.until('the run', () => isOver, Infinity).then(() => end);
    return Promise.race([end, failure]);
  }

  /** Waits for `ms` milliseconds, or until `isEnough`. Throws CrewError as soon as a task has failed. */
  async pass(ms: number, isEnough: () => boolean): Promise<void> {
    const endMs = this.#nowMs() + ms;
    while (this.#nowMs() < endMs && !isEnough()) {
      if (this.#failure) throw this.#failure;
      await sleep(Math.min(20, Math.max(0, endMs - this.#nowMs())));
    }
  }

  /** Waits until all tasks have ended; resolves to false when some have not after `timeoutMs`. */
  async haveAllLeft(timeoutMs: number): Promise<boolean> {
    const timeout = sleep(timeoutMs, false, { ref: false });
    return Promise.race([Promise.allSettled(this.#tasks).then(() => true), timeout]);
  }
}
