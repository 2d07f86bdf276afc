import { type Access, valueAt, withValue } from './shared-memory.ts';
import { State, Stores } from './state.ts';
import type { ModelThread, Moment, Result, Step } from './thread.ts';

/** What has led from one state to the next: a thread's step, or one of its stores that has reached memory. */
export interface Move {
  readonly thread: number;
  /** The number of the store that has reached memory; undefined for a step. */
  readonly store?: number;
  /** The moment at which the thread made its step, and the step's result; undefined when it falls asleep. */
  readonly moment?: Moment;
  readonly result?: Result;
}

/**
 * Makes the steps of a world's threads. Atomic accesses take place at once, in one order for all. A plain store waits
 * in its thread's buffer until it reaches memory: in any order with the others, but after earlier stores to the same
 * cell, and at the latest when the thread stores atomically, waits, wakes others or ends. An atomic load does not
 * empty the buffer. A load finds the thread's own stores there. Loads take place in the order of the program.
 */
export class Stepper {
  readonly stores = new Stores();
  readonly #threads: readonly ModelThread[];
  readonly #moments: readonly Moment[];
  readonly #numbers: ReadonlyMap<number, number>;
  readonly #next: State;

  /** `numbers` has the number of each shared cell. */
  constructor(
    threads: readonly ModelThread[],
    moments: readonly Moment[],
    numbers: ReadonlyMap<number, number>,
  ) {
    this.#threads = threads;
    this.#moments = moments;
    this.#numbers = numbers;
    this.#next = new State(numbers.size, threads.length);
  }

  /** Calls `visit` with every state that follows; it must copy what it keeps. */
  eachNext(state: State, visit: (next: State, move: Move) => void): void {
    for (let t = 0; t < this.#threads.length; t++) {
      this.#eachLanding(state, t, visit);
      this.#eachStep(state, t, visit);
    }
  }

  /**
   * A store reaches memory at the last moment that makes a difference: when another thread is about to access its cell
   * (or else when its own thread's buffer is emptied). Nobody can tell whether it was there before.
   */
  #eachLanding(state: State, t: number, visit: (next: State, move: Move) => void): void {
    const buffer = state.buffers[t]!;
    for (let i = 0; i < buffer.length; i++) {
      const { access, value } = this.stores.at(buffer[i]!);
      if (!this.#isAwaited(state, t, access.cell)) continue;
      const isBehind = buffer
        .slice(0, i)
        .some((earlier) => this.stores.at(earlier).access.cell === access.cell);
      if (isBehind) continue;
      const next = this.#copyOf(state);
      next.buffers[t]!.splice(i, 1);
      this.#write(next, access, value);
      visit(next, { thread: t, store: buffer[i]! });
    }
  }

  /** Whether a thread other than `t` is about to access the cell, or has a store to it under way. */
  #isAwaited(state: State, t: number, cell: number): boolean {
    for (let other = 0; other < this.#threads.length; other++) {
      if (other === t) continue;
      const { step } = this.#moments[state.moments[other]!]!;
      if (step && 'access' in step && step.access.cell === cell) return true;
      if (state.buffers[other]!.some((store) => this.stores.at(store).access.cell === cell)) {
        return true;
      }
    }
    return false;
  }

  #eachStep(state: State, t: number, visit: (next: State, move: Move) => void): void {
    const { step } = this.#moments[state.moments[t]!]!;
    if (!step || step.kind === 'spin') return;
    switch (step.kind) {
      case 'choose':
        for (let i = 0; i < step.options; i++) this.#go(this.#copyOf(state), t, i, visit);
        return;
      case 'load':
        this.#go(this.#copyOf(state), t, this.#load(state, t, step.access), visit);
        return;
      case 'wait':
        if (state.asleep[t]) this.#timeOut(state, t, step, visit);
        else this.#wait(state, t, step, visit);
        return;
      default:
        this.#change(state, t, step, visit);
    }
  }

  #change(
    state: State,
    t: number,
    step: Exclude<Step, { kind: 'choose' | 'load' | 'wait' | 'spin' }>,
    visit: (next: State, move: Move) => void,
  ): void {
    const next = this.#drained(state, t);
    if (step.kind === 'fence') this.#go(next, t, 0, visit);
    else if (step.kind === 'store') {
      this.#write(next, step.access, step.value);
      this.#go(next, t, 0, visit);
    } else if (step.kind === 'replace') {
      const old = this.#read(next, step.access);
      this.#write(next, step.access, step.replacement.next(old));
      this.#go(next, t, old, visit);
    } else this.#notify(next, t, step, visit);
  }

  #wait(
    state: State,
    t: number,
    step: Step & { kind: 'wait' },
    visit: (next: State, move: Move) => void,
  ): void {
    const next = this.#drained(state, t);
    if (this.#read(next, step.access) !== step.value) this.#go(next, t, 'not-equal', visit);
    else if (step.timeoutMs <= 0) this.#go(next, t, 'timed-out', visit);
    else {
      next.asleep[t] = 1;
      visit(next, { thread: t });
    }
  }

  #timeOut(
    state: State,
    t: number,
    step: Step & { kind: 'wait' },
    visit: (next: State, move: Move) => void,
  ): void {
    if (state.timeouts === 0 || step.timeoutMs === Infinity) return;
    const next = this.#copyOf(state);
    next.timeouts--;
    next.asleep[t] = 0;
    this.#go(next, t, 'timed-out', visit);
  }

  /** Wakes all that sleep on the place. */
  #notify(
    next: State,
    t: number,
    step: Step & { kind: 'notify' },
    visit: (next: State, move: Move) => void,
  ): void {
    if (step.count !== Infinity) throw new Error('the model only knows how to wake all sleepers');
    let woken = 0;
    for (let other = 0; other < this.#threads.length; other++) {
      if (!next.asleep[other]) continue;
      const moment = this.#moments[next.moments[other]!]!;
      if (!moment.step || moment.step.kind !== 'wait') continue;
      if (moment.step.access.cell !== step.access.cell) continue;
      next.asleep[other] = 0;
      this.#enter(next, other, this.#threads[other]!.after(moment, 'ok'));
      woken++;
    }
    this.#go(next, t, woken, visit);
  }

  #go(next: State, t: number, result: Result, visit: (next: State, move: Move) => void): void {
    const moment = this.#moments[next.moments[t]!]!;
    this.#enter(next, t, this.#threads[t]!.after(moment, result));
    visit(next, { thread: t, moment, result });
  }

  /** Brings a thread to a moment; what it has stored plainly on the way there waits to reach memory. */
  #enter(next: State, t: number, moment: Moment): void {
    next.moments[t] = moment.id;
    for (const store of moment.stores) next.buffers[t]!.push(this.stores.numberOf(store));
  }

  /** Puts the threads of a state at their beginnings. */
  begin(state: State): void {
    this.#threads.forEach((thread, t) => this.#enter(state, t, thread.begin()));
  }

  #load(state: State, t: number, access: Access): number {
    let cell = state.cells[this.#numbers.get(access.cell)!]!;
    for (const number of state.buffers[t]!) {
      const store = this.stores.at(number);
      if (store.access.cell === access.cell) cell = withValue(cell, store.access, store.value);
    }
    return valueAt(cell, access);
  }

  #read(state: State, access: Access): number {
    return valueAt(state.cells[this.#numbers.get(access.cell)!]!, access);
  }

  #write(state: State, access: Access, value: number): void {
    const number = this.#numbers.get(access.cell)!;
    state.cells[number] = withValue(state.cells[number]!, access, value);
  }

  /** Returns a copy in which all stores of a thread have reached memory. */
  #drained(state: State, t: number): State {
    const next = this.#copyOf(state);
    for (const store of next.buffers[t]!) {
      const { access, value } = this.stores.at(store);
      this.#write(next, access, value);
    }
    next.buffers[t]!.length = 0;
    return next;
  }

  /** Returns the value that a place has when all stores have reached memory. */
  settled(state: State, access: Access): number {
    let cell = state.cells[this.#numbers.get(access.cell)!]!;
    for (const buffer of state.buffers) {
      for (const number of buffer) {
        const store = this.stores.at(number);
        if (store.access.cell === access.cell) cell = withValue(cell, store.access, store.value);
      }
    }
    return valueAt(cell, access);
  }

  #copyOf(state: State): State {
    this.#next.copyFrom(state);
    return this.#next;
  }
}
