import { type PendingStore } from './thread.ts';

/** Numbers that stand for things that are equal. */
export class Numbering<Thing> {
  readonly things: Thing[] = [];
  readonly #numbers = new Map<string | number, number>();

  of(key: string | number, thing: Thing): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.things.length);
    return this.things.push(thing) - 1;
  }
}

/** The state of a world between two steps. */
export class State {
  /** The values of the shared cells, by their number. */
  readonly cells: Int32Array;
  /** The moment of each thread. */
  readonly moments: Int32Array;
  /** 1 for each thread that sleeps in a wait. */
  readonly asleep: Uint8Array;
  /** The numbers of each thread's stores that have not reached memory, oldest first. */
  readonly buffers: number[][];
  timeouts = 0;

  constructor(cells: number, threads: number) {
    this.cells = new Int32Array(cells);
    this.moments = new Int32Array(threads);
    this.asleep = new Uint8Array(threads);
    this.buffers = Array.from({ length: threads }, () => []);
  }

  copyFrom(other: State): void {
    this.cells.set(other.cells);
    this.moments.set(other.moments);
    this.asleep.set(other.asleep);
    this.timeouts = other.timeouts;
    for (let t = 0; t < this.buffers.length; t++) {
      const from = other.buffers[t]!;
      const to = this.buffers[t]!;
      to.length = from.length;
      for (let i = 0; i < from.length; i++) to[i] = from[i]!;
    }
  }
}

/** Packs states into strings, which are equal when the states are, and unpacks them. */
export class Packing {
  readonly #values = new Numbering<number>();
  #codes = new Uint16Array(256);

  pack(state: State): string {
    let length = 0;
    const put = (code: number): void => {
      if (code > 0xffff) throw new Error('the world is too large for the model');
      if (length === this.#codes.length) {
        const longer = new Uint16Array(2 * length);
        longer.set(this.#codes);
        this.#codes = longer;
      }
      this.#codes[length++] = code;
    };
    for (const value of state.cells) put(this.#values.of(value, value));
    for (let t = 0; t < state.moments.length; t++) {
      const moment = state.moments[t]!;
      const buffer = state.buffers[t]!;
      put(moment & 0xffff);
      put(moment >>> 16);
      put(2 * buffer.length + state.asleep[t]!);
      for (const store of buffer) put(store);
    }
    put(state.timeouts);
    return String.fromCharCode.apply(null, this.#codes.subarray(0, length) as never);
  }

  unpack(packed: string, state: State): void {
    let at = 0;
    const take = (): number => packed.charCodeAt(at++);
    for (let i = 0; i < state.cells.length; i++) state.cells[i] = this.#values.things[take()]!;
    for (let t = 0; t < state.moments.length; t++) {
      state.moments[t] = take() + 0x10000 * take();
      const lengthAndSleep = take();
      state.asleep[t] = lengthAndSleep & 1;
      const buffer = state.buffers[t]!;
      buffer.length = lengthAndSleep >>> 1;
      for (let i = 0; i < buffer.length; i++) buffer[i] = take();
    }
    state.timeouts = take();
  }
}

/** The stores that are under way in a world, each kind of them with a number. */
export class Stores {
  readonly #numbering = new Numbering<PendingStore>();

  numberOf(store: PendingStore): number {
    const { access, value } = store;
    return this.#numbering.of(`${access.cell} ${access.mask} ${value}`, store);
  }

  at(number: number): PendingStore {
    return this.#numbering.things[number]!;
  }
}
