/**
 * Knows which thread has accessed which cell. A cell that only one thread has accessed, or that nobody has written,
 * is that thread's own business: its accesses commute with every step of the others, so they are no steps of their
 * own. What is shared is found out on the way: when an exploration meets a cell that turns out to be shared, all that
 * it has done is void, and it begins anew with what it knows by then.
 */
export class Sharing {
  readonly #known = new Map<number, Users>();
  #before = new Map<number, Users>();
  hasGrown = false;

  readonly #ignoresPlace: (cell: number) => boolean;
  readonly #ignored = new Map<number, boolean>();

  /** `ignores` says which cells keep the value that they have at the beginning, for everybody. */
  constructor(ignores: (cell: number) => boolean = () => false) {
    this.#ignoresPlace = ignores;
  }

  ignores(cell: number): boolean {
    let isIgnored = this.#ignored.get(cell);
    if (isIgnored === undefined) {
      isIgnored = this.#ignoresPlace(cell);
      this.#ignored.set(cell, isIgnored);
    }
    return isIgnored;
  }

  /** Begins anew; what has been found out so far counts from now on. */
  restart(): void {
    this.#before = new Map(Array.from(this.#known, ([cell, users]) => [cell, { ...users }]));
    this.hasGrown = false;
  }

  /** Notes an access, and returns whether it is a step that others may notice, or whose result depends on others. */
  note(cell: number, thread: number, isWrite: boolean, isWaited = false): boolean {
    if (this.ignores(cell)) return false;
    const own = 1 << thread;
    const known = usersOf(this.#known, cell);
    const wasShared = isShared(known);
    const isNewWriter = isWrite && (known.writers & own) === 0;
    // Until somebody is known to wait on a cell, to wake those who do is no step.
    const isNewWait = isWaited && !known.isWaited;
    known.users |= own;
    if (isWrite) known.writers |= own;
    known.isWaited ||= isWaited;
    if (isShared(known) && (!wasShared || isNewWriter || isNewWait)) this.hasGrown = true;
    const before = this.#before.get(cell);
    if (!before || !isShared(before)) return false;
    if (isWaited || before.isWaited) return true;
    // What only this thread writes it knows without looking.
    return isWrite || (before.writers & ~own) !== 0;
  }

  /** Whether some thread is known to wait on the cell. */
  isWaitedOn(cell: number): boolean {
    return this.#before.get(cell)?.isWaited === true;
  }

  /** Whether only this thread writes the cell, as far as was known at the last restart. */
  isOwn(cell: number, thread: number): boolean {
    return ((this.#before.get(cell)?.writers ?? 0) & ~(1 << thread)) === 0;
  }

  /** The cells that count as shared since the last restart. */
  shared(): number[] {
    return Array.from(this.#before)
      .filter(([, users]) => isShared(users))
      .map(([cell]) => cell)
      .toSorted((a, b) => a - b);
  }
}

interface Users {
  /** A bit for each thread that has accessed the cell, and for each that has written it. */
  users: number;
  writers: number;
  isWaited: boolean;
}

function usersOf(map: Map<number, Users>, cell: number): Users {
  const known = map.get(cell);
  if (known) return known;
  const users = { users: 0, writers: 0, isWaited: false };
  map.set(cell, users);
  return users;
}

function isShared({ users, writers, isWaited }: Users): boolean {
  return isWaited || (writers !== 0 && (users & (users - 1)) !== 0);
}
