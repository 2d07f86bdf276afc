/** Shared memory of the model: buffers of 32-bit cells, and the port through which the code that runs reaches them. */

/** What the model stands still for: one cell, or one byte of it. */
export interface Access {
  readonly cell: number;
  /** The bits of the cell that belong to the place. */
  readonly mask: number;
  readonly shift: number;
}

/** An atomic operation that reads a place and writes it in one step. */
export interface Replacement {
  readonly name: string;
  readonly given: readonly number[];
  readonly next: (old: number) => number;
}

/** Whoever runs the program's code at the moment: it makes the accesses to buffers of the model. */
export interface Port {
  load(access: Access, isAtomic: boolean): number;
  /** A store that may reach memory later than the stores that follow it. */
  storePlainly(access: Access, value: number): void;
  store(access: Access, value: number): void;
  /** Returns the old value. */
  replace(access: Access, replacement: Replacement): number;
  wait(access: Access, value: number, timeoutMs: number): string;
  notify(access: Access, count: number): number;
  /** Returns each number below `options` in some schedule. */
  choose(options: number, what: string): number;
  /** Says that all that the thread does from now on depends only on `state`, and on what it has stored. */
  milestone(state: readonly unknown[]): void;
  createBuffer(bytes: number): ModelBuffer | SharedArrayBuffer;
}

const nobody = new Proxy({} as Port, {
  get: () => () => {
    throw new Error('memory of the model is accessed, and no thread of the model runs');
  },
});

/** The port of the code that runs now. */
export const port: { current: Port } = { current: nobody };

/** Calls `act` with `own` as the port. */
export function through<Result>(own: Port, act: () => Result): Result {
  const before = port.current;
  port.current = own;
  try {
    return act();
  } finally {
    port.current = before;
  }
}

let nextCell = 0;

/** A shared buffer of the model; `nameOf` says what lies at a byte, for schedules that are printed. */
export class ModelBuffer {
  readonly firstCell: number;
  readonly byteLength: number;
  nameOf: (at: number) => string = (at) => `byte ${at}`;

  constructor(byteLength: number) {
    this.byteLength = byteLength;
    this.firstCell = nextCell;
    nextCell += Math.ceil(byteLength / 4);
  }
}

/** Takes the value of a place out of its cell. */
export function valueAt(cellValue: number, { mask, shift }: Access): number {
  return mask === -1 ? cellValue : (cellValue & mask) >>> shift;
}

/** Puts a place's value into its cell. */
export function withValue(cellValue: number, { mask, shift }: Access, value: number): number {
  return (cellValue & ~mask) | ((value << shift) & mask);
}

/** The port of the code that sets a world up: it makes buffers, and accesses them at once. */
export class SetupPort implements Port {
  readonly cells: Map<number, number>;
  readonly buffers: ModelBuffer[] = [];

  constructor(cells = new Map<number, number>()) {
    this.cells = cells;
  }

  load(access: Access): number {
    return valueAt(this.cells.get(access.cell) ?? 0, access);
  }

  storePlainly(access: Access, value: number): void {
    this.store(access, value);
  }

  store(access: Access, value: number): void {
    this.cells.set(access.cell, withValue(this.cells.get(access.cell) ?? 0, access, value));
  }

  replace(access: Access, { next }: Replacement): number {
    const old = this.load(access);
    this.store(access, next(old));
    return old;
  }

  wait(): string {
    throw new Error('a world that is being set up has nobody to wait for');
  }

  notify(): number {
    return 0;
  }

  choose(): number {
    throw new Error('there is nothing to choose while a world is set up');
  }

  milestone(): void {
    throw new Error('a world that is being set up has no milestones');
  }

  createBuffer(bytes: number): ModelBuffer {
    const buffer = new ModelBuffer(bytes);
    this.buffers.push(buffer);
    return buffer;
  }

  nameOf(cell: number): string {
    const buffer = this.buffers.findLast(({ firstCell }) => firstCell <= cell);
    return buffer ? buffer.nameOf((cell - buffer.firstCell) * 4) : `cell ${cell}`;
  }
}

/** The port of a judge, who only reads. What no thread shares with another it finds as it was at the beginning. */
export class EndPort extends SetupPort {
  readonly #shared: (access: Access) => number | undefined;

  constructor(cells: ReadonlyMap<number, number>, shared: (access: Access) => number | undefined) {
    super(new Map(cells));
    this.#shared = shared;
  }

  override load(access: Access): number {
    return this.#shared(access) ?? super.load(access);
  }
}
