import {
  type Access,
  type ModelBuffer,
  type Port,
  type Replacement,
  through,
  valueAt,
  withValue,
} from './shared-memory.ts';
import { fingerprint } from './fingerprint.ts';
import type { Sharing } from './sharing.ts';

/** A plain store that is on its way to memory. */
export interface PendingStore {
  readonly access: Access;
  readonly value: number;
}

/** The next step of a thread that others may notice, or whose result depends on others. */
export type Step =
  | { readonly kind: 'load'; readonly access: Access; readonly isAtomic: boolean }
  | { readonly kind: 'store'; readonly access: Access; readonly value: number }
  | { readonly kind: 'replace'; readonly access: Access; readonly replacement: Replacement }
  | {
      readonly kind: 'wait';
      readonly access: Access;
      readonly value: number;
      readonly timeoutMs: number;
    }
  | { readonly kind: 'notify'; readonly access: Access; readonly count: number }
  | { readonly kind: 'choose'; readonly options: number; readonly what: string }
  /** An atomic store to what only this thread uses: it has an effect only on the stores before it. */
  | { readonly kind: 'fence' }
  /** The thread has made so many accesses that nobody else can notice that it must be waiting for something. */
  | { readonly kind: 'spin' };

/** What a step of a thread resulted in; it decides what the thread does next. */
export type Result = number | string;

/**
 * A point in a thread's life. A thread is a plain function, so what it does next depends only on the results of its
 * steps so far: they are the way from the root of this tree to the moment.
 */
export interface Moment {
  readonly id: number;
  readonly parent: Moment | undefined;
  /** The result of the parent's step that has led here. */
  readonly result: Result | undefined;
  /** What it stores plainly between the parent's step and its own. */
  readonly stores: readonly PendingStore[];
  /** Its next step; undefined when it is over. */
  readonly step: Step | undefined;
  /** What the thread has returned or thrown at its end. */
  readonly value?: unknown;
  readonly error?: string;
  readonly next: Map<Result, Moment>;
  /** How many milestones the thread has passed, what it was like at the last one, and the results since then. */
  readonly milestones: number;
  readonly state: string;
  readonly since: string;
}

/** Thrown through the code of a thread to stop it at a step whose result is not known yet. */
class Stop extends Error {
  override readonly name = 'Stop';
}

/** A thread that makes more private accesses than that without any other step spins for ever. */
const LONGEST_SPIN = 5000;

/** Runs one thread's function again and again, each time one step further. */
export class ModelThread {
  readonly name: string;
  readonly index: number;
  readonly #body: () => unknown;
  readonly #initial: ReadonlyMap<number, number>;
  readonly #sharing: Sharing;
  readonly #moments: Moment[];
  /** The moments by their state at the last milestone, and the results since. */
  readonly #known = new Map<string, Moment>();

  constructor(
    name: string,
    index: number,
    body: () => unknown,
    initial: ReadonlyMap<number, number>,
    sharing: Sharing,
    moments: Moment[],
  ) {
    this.name = name;
    this.index = index;
    this.#body = body;
    this.#initial = initial;
    this.#sharing = sharing;
    this.#moments = moments;
  }

  /** Returns the thread's first moment. */
  begin(): Moment {
    return this.#run(undefined, undefined);
  }

  /** Returns the moment after the step of `moment`, which has had that result. */
  after(moment: Moment, result: Result): Moment {
    const known = moment.next.get(result);
    if (known) return known;
    const next = this.#run(moment, result);
    moment.next.set(result, next);
    return next;
  }

  #run(parent: Moment | undefined, result: Result | undefined): Moment {
    const results: Result[] = result === undefined ? [] : [result];
    for (let at = parent; at?.parent; at = at.parent) results.push(at.result!);
    const replay = new Replay(
      results.toReversed(),
      this.index,
      this.#initial,
      this.#sharing,
      parent,
    );
    let end: Pick<Moment, 'value' | 'error'> = {};
    try {
      end = { value: through(replay, this.#body) };
    } catch (error) {
      if (!replay.step) end = { error: error instanceof Error ? error.message : String(error) };
    }
    const { stores, step, milestones, state, since } = replay;
    const key = `${state}|${since}`;
    const known = this.#known.get(key);
    if (known) {
      if (sameNext(known, stores, step)) return known;
      throw new Error(`${this.name} has come to the same milestone, and goes on in another way`);
    }
    const moment: Moment = {
      id: this.#moments.length,
      parent,
      result,
      stores,
      step,
      ...(step ? {} : end),
      next: new Map(),
      milestones,
      state,
      since,
    };
    this.#known.set(key, moment);
    this.#moments.push(moment);
    return moment;
  }
}

function sameNext(known: Moment, stores: readonly PendingStore[], step: Step | undefined): boolean {
  return JSON.stringify([known.stores, known.step]) === JSON.stringify([stores, step]);
}

/** The port of a thread that runs once more: it is given the results that it had, and stops at the step after them. */
class Replay implements Port {
  stores: PendingStore[] = [];
  step: Step | undefined;
  readonly #results: readonly Result[];
  readonly #thread: number;
  readonly #initial: ReadonlyMap<number, number>;
  readonly #sharing: Sharing;
  /** What this thread has last written to each cell. */
  readonly #own = new Map<number, number>();
  #done = 0;
  #hasPending = false;
  #spins = 0;
  readonly #before: Moment | undefined;
  milestones = 0;
  state = '';
  since = '';

  /** `before` is the moment of the last step but one; what it was like at its milestones is known. */
  constructor(
    results: readonly Result[],
    thread: number,
    initial: ReadonlyMap<number, number>,
    sharing: Sharing,
    before: Moment | undefined,
  ) {
    this.#before = before;
    this.#results = results;
    this.#thread = thread;
    this.#initial = initial;
    this.#sharing = sharing;
  }

  load(access: Access, isAtomic: boolean): number {
    if (this.#sharing.note(access.cell, this.#thread, false)) {
      return this.#take({ kind: 'load', access, isAtomic }) as number;
    }
    this.#spin();
    return valueAt(this.#ownAt(access), access);
  }

  storePlainly(access: Access, value: number): void {
    this.#write(access, value);
    if (this.#sharing.note(access.cell, this.#thread, true)) {
      if (this.step) throw new Stop();
      this.stores.push({ access, value });
      this.#hasPending = true;
    }
    this.#spin();
  }

  store(access: Access, value: number): void {
    const isStep = this.#sharing.note(access.cell, this.#thread, true);
    if (isStep) this.#take({ kind: 'store', access, value });
    else this.#fence();
    this.#write(access, value);
  }

  replace(access: Access, replacement: Replacement): number {
    const isStep = this.#sharing.note(access.cell, this.#thread, true);
    if (!isStep) this.#fence();
    const old = isStep
      ? (this.#take({ kind: 'replace', access, replacement }) as number)
      : valueAt(this.#ownAt(access), access);
    this.#write(access, replacement.next(old));
    return old;
  }

  wait(access: Access, value: number, timeoutMs: number): string {
    const isStep = this.#sharing.note(access.cell, this.#thread, false, true);
    if (isStep) return this.#take({ kind: 'wait', access, value, timeoutMs }) as string;
    this.#fence();
    return 'timed-out';
  }

  notify(access: Access, count: number): number {
    // To wake others is no step where nobody ever sleeps.
    if (this.#sharing.isWaitedOn(access.cell)) {
      return this.#take({ kind: 'notify', access, count }) as number;
    }
    this.#fence();
    return 0;
  }

  choose(options: number, what: string): number {
    return this.#take({ kind: 'choose', options, what }) as number;
  }

  milestone(state: readonly unknown[]): void {
    if (this.step) throw new Stop();
    this.milestones++;
    this.since = '';
    const { milestones = 0, state: known = '' } = this.#before ?? {};
    if (this.milestones <= milestones) {
      this.state = known;
      return;
    }
    const written = Array.from(this.#own)
      .filter(([cell]) => this.#sharing.isOwn(cell, this.#thread))
      .toSorted(([a], [b]) => a - b);
    this.state = `${fingerprint(state)}|${JSON.stringify([written, this.stores, this.#hasPending])}`;
  }

  /** A buffer that a thread creates is its own. */
  createBuffer(bytes: number): ModelBuffer | SharedArrayBuffer {
    return new SharedArrayBuffer(bytes);
  }

  #take(step: Step): Result {
    if (this.step) throw new Stop();
    if (this.#done < this.#results.length) {
      this.stores = [];
      if (step.kind !== 'load' && step.kind !== 'choose') this.#hasPending = false;
      this.#spins = 0;
      const result = this.#results[this.#done++]!;
      this.since += `${result},`;
      return result;
    }
    this.step = step;
    throw new Stop();
  }

  #fence(): void {
    if (this.#hasPending) this.#take({ kind: 'fence' });
    this.#spin();
  }

  #spin(): void {
    if (this.step) throw new Stop();
    if (++this.#spins > LONGEST_SPIN) this.#take({ kind: 'spin' });
  }

  #ownAt({ cell }: Access): number {
    return this.#own.get(cell) ?? this.#initial.get(cell) ?? 0;
  }

  #write(access: Access, value: number): void {
    if (this.#sharing.ignores(access.cell)) return;
    this.#own.set(access.cell, withValue(this.#ownAt(access), access, value));
  }
}
