import { EXIT } from './exit.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** After a signal, work that can't be cancelled, such as a proof, has this long to end. */
const GRACE_MS = 700;

const ABANDONED = Symbol('abandoned');
let hasAbandoned = false;

/** Whether a command has ended before work of its own that it gave up, so that the program must not wait for it. */
export const isWorkLeft = (): boolean => hasAbandoned;

/**
 * Handles Ctrl-C and SIGTERM for a command. The first signal aborts `signal`, and `late` a moment later; the command
 * then writes the results that it has. A second signal ends the program at once, with code 130.
 */
export class Interruption {
  readonly #now = new AbortController();
  readonly #late = new AbortController();
  readonly #onFirst: () => boolean | void;
  #timer: NodeJS.Timeout | undefined;
  #name: (typeof SIGNALS)[number] | undefined;

  /**
   * `onFirst` is called at the first signal, before `signal` is aborted, and may say what comes next. When it returns
   * false, the command goes on to its usual end, as its work can't be cancelled any more, and `late` is not aborted.
   */
  constructor(onFirst: () => boolean | void = () => undefined) {
    this.#onFirst = onFirst;
    for (const name of SIGNALS) process.on(name, this.#onSignal);
  }

  /** It is aborted at the first signal. */
  get signal(): AbortSignal {
    return this.#now.signal;
  }

  /** It is aborted when what was under way at the first signal has had its time to end. */
  get late(): AbortSignal {
    return this.#late.signal;
  }

  get isOn(): boolean {
    return this.#now.signal.aborted;
  }

  /** Handles no signals any more. */
  forget(): void {
    clearTimeout(this.#timer);
    for (const name of SIGNALS) process.off(name, this.#onSignal);
  }

  /**
   * Returns what a work resolves to, or undefined when the first signal comes earlier and the work can be given up at
   * that moment. Nobody waits for a work that was given up, and the program ends without it.
   */
  async race<Result>(
    work: Promise<Result>,
    canGiveUp: () => boolean = () => true,
  ): Promise<Result | undefined> {
    const { signal } = this;
    // What a work that was given up fails with is of no interest.
    work.catch(() => undefined);
    const watch = new AbortController();
    const aborted = signal.aborted
      ? Promise.resolve()
      : new Promise<void>((resolve) => {
          const options = { once: true, signal: watch.signal };
          signal.addEventListener('abort', () => resolve(), options);
        });
    const abandoned = aborted.then<typeof ABANDONED | Result>(() =>
      canGiveUp() ? ABANDONED : work,
    );
    try {
      const end = await Promise.race([work, abandoned]);
      if (end !== ABANDONED) return end;
      hasAbandoned = true;
      return undefined;
    } finally {
      watch.abort();
    }
  }

  readonly #onSignal = (name: NodeJS.Signals): void => {
    if (this.isOn) process.exit(EXIT.interrupted);
    this.#name = name as (typeof SIGNALS)[number];
    const isEnding = this.#onFirst() !== false;
    if (isEnding) this.#timer = setTimeout(() => this.#late.abort(), GRACE_MS);
    this.#now.abort();
  };

  /** Returns how a note tells of leaving at once, which is of interest to a person at a keyboard only. */
  get hint(): string {
    return this.#name === 'SIGTERM' ? '' : ' (Ctrl-C again to leave at once)';
  }
}
