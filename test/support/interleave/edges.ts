/** The moves between the states of a world. */
export class Edges {
  readonly #from: number[] = [];
  readonly #to: number[] = [];

  add(from: number, to: number): void {
    this.#from.push(from);
    this.#to.push(to);
  }

  /**
   * Returns how many ways there are from state 0 to the states that no move leaves. It is Infinity when some way comes
   * back to a state, as a loop that polls may do.
   */
  countWays(states: number): number {
    const firstOf = this.#offsets(states);
    const targets = new Int32Array(this.#to.length);
    const open = new Int32Array(states);
    const next = firstOf.slice();
    this.#from.forEach((from, i) => {
      targets[next[from]!++] = this.#to[i]!;
      open[this.#to[i]!]!++;
    });
    const ways = new Float64Array(states);
    ways[0] = 1;
    let total = 0;
    const ready = [0];
    let done = 0;
    for (let state = ready.pop(); state !== undefined; state = ready.pop()) {
      done++;
      if (firstOf[state] === firstOf[state + 1]) total += ways[state]!;
      for (let i = firstOf[state]!; i < firstOf[state + 1]!; i++) {
        const to = targets[i]!;
        ways[to]! += ways[state]!;
        if (--open[to]! === 0) ready.push(to);
      }
    }
    return done === states ? total : Infinity;
  }

  /** Returns for each state the number of moves that leave the states before it. */
  #offsets(states: number): Int32Array {
    const offsets = new Int32Array(states + 1);
    for (const from of this.#from) offsets[from + 1]!++;
    for (let state = 0; state < states; state++) offsets[state + 1]! += offsets[state]!;
    return offsets;
  }
}
