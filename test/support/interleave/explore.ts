import { Generator } from '../../../src/random/generator.ts';
import { Edges } from './edges.ts';
import { printMove } from './print.ts';
import { EndPort, SetupPort, through } from './shared-memory.ts';
import { Sharing } from './sharing.ts';
import { Packing, State } from './state.ts';
import { type Move, Stepper } from './stepper.ts';
import { ModelThread, type Moment } from './thread.ts';
import type { World } from './world.ts';

/** What an exploration has found. */
export interface Exploration {
  /** The number of states, and of schedules: the ways through them from the beginning to an end. */
  readonly states: number;
  readonly schedules: number;
  /** The first violation that was found, with a shortest schedule that leads to it. */
  readonly violation?: { readonly message: string; readonly schedule: readonly string[] };
}

/** Schedules are played at random, up to so many steps, until so many of them in a row show nothing new to be shared. */
const WALKS = 2;
const WALK_STEPS = 150;
const MOST_STATES = 4_000_000;

/**
 * Explores every interleaving of the threads that `setUp` makes. A state from which no thread can go on while one is
 * not over is a violation: that thread sleeps for ever. So is an error that a thread throws, and what the world's
 * judge says of an end.
 *
 * The code runs again from its beginning for each new result of a step, and is stopped at the step after it; its way
 * is remembered, so the same way is never run twice. The shortest schedules come first.
 */
export function explore(setUp: () => World): Exploration {
  const setup = new SetupPort();
  const world = through(setup, setUp);
  const { ignores } = world;
  const sharing = new Sharing(ignores && ((cell) => ignores(setup.nameOf(cell))));
  const random = new Generator(1, 1);
  for (let walks = 0; walks < WALKS; walks++) {
    new Search(world, setup, sharing).walk(random);
    if (sharing.hasGrown) walks = 0;
    sharing.restart();
  }
  for (;;) {
    const found = new Search(world, setup, sharing).run();
    if (found) return found;
    sharing.restart();
  }
}

class Search {
  readonly #world: World;
  readonly #setup: SetupPort;
  readonly #sharing: Sharing;
  readonly #moments: Moment[] = [];
  readonly #threads: readonly ModelThread[];
  readonly #stepper: Stepper;
  readonly #cells: ReadonlySet<number>;
  readonly #packing = new Packing();
  readonly #state: State;
  /** The states that have been reached, in the order in which they were. */
  readonly #states: string[] = [];
  readonly #numbers = new Map<string, number>();
  /** For each state the number of the one before it on a shortest way, and the move between them. */
  readonly #before: number[] = [];
  readonly #moves: (Move | undefined)[] = [];
  readonly #edges = new Edges();

  constructor(world: World, setup: SetupPort, sharing: Sharing) {
    this.#world = world;
    this.#setup = setup;
    this.#sharing = sharing;
    this.#threads = Object.entries(world.threads).map(
      ([name, body], t) => new ModelThread(name, t, body, setup.cells, sharing, this.#moments),
    );
    const cells = sharing.shared();
    this.#cells = new Set(cells);
    this.#stepper = new Stepper(
      this.#threads,
      this.#moments,
      new Map(cells.map((cell, number) => [cell, number])),
    );
    this.#state = new State(cells.length, this.#threads.length);
    cells.forEach((cell, number) => (this.#state.cells[number] = setup.cells.get(cell) ?? 0));
    this.#state.timeouts = world.timeouts ?? 0;
    this.#stepper.begin(this.#state);
  }

  /** Plays one schedule at random; it notes what is shared. */
  walk(random: Generator): void {
    const state = this.#state;
    const chosen = new State(state.cells.length, this.#threads.length);
    for (let steps = 0; steps < WALK_STEPS; steps++) {
      let ways = 0;
      this.#stepper.eachNext(state, (next) => {
        if (random.below(++ways) === 0) chosen.copyFrom(next);
      });
      // Nothing counts any more when a cell turns out to be shared.
      if (ways === 0 || this.#sharing.hasGrown) return;
      state.copyFrom(chosen);
    }
  }

  /** Explores all states; returns undefined when more has turned out to be shared than was known. */
  run(): Exploration | undefined {
    this.#reach(this.#packing.pack(this.#state), -1, undefined);
    for (let number = 0; number < this.#states.length; number++) {
      if (number > MOST_STATES) throw new Error('the world has too many states');
      this.#packing.unpack(this.#states[number]!, this.#state);
      let ways = 0;
      this.#stepper.eachNext(this.#state, (next, move) => {
        ways++;
        this.#reach(this.#packing.pack(next), number, move);
      });
      if (this.#sharing.hasGrown) return undefined;
      const wrong = this.#errorIn(this.#state) ?? this.#sleeperIn(ways) ?? this.#judge();
      if (wrong === undefined) continue;
      const violation = { message: wrong, schedule: this.#scheduleTo(number) };
      return { states: this.#states.length, schedules: 0, violation };
    }
    return { states: this.#states.length, schedules: this.#edges.countWays(this.#states.length) };
  }

  /** Notes that a move leads from one state to another, which may be new. */
  #reach(packed: string, before: number, move: Move | undefined): void {
    let number = this.#numbers.get(packed);
    if (number === undefined) {
      number = this.#states.push(packed) - 1;
      this.#numbers.set(packed, number);
      this.#before.push(before);
      this.#moves.push(move);
    }
    if (before >= 0) this.#edges.add(before, number);
  }

  /** Returns what a thread has thrown. */
  #errorIn(state: State): string | undefined {
    for (const moment of state.moments) {
      const { error } = this.#moments[moment]!;
      if (error !== undefined) return error;
    }
    return undefined;
  }

  /** Names a thread that is not over, when none can go on; `ways` is the number of ways to go on. */
  #sleeperIn(ways: number): string | undefined {
    if (ways > 0) return undefined;
    const stuck = this.#threads.find(
      ({ index, name }) => this.#isOpen(index) && !this.#isEndless(name),
    );
    if (!stuck) return undefined;
    const { step } = this.#moments[this.#state.moments[stuck.index]!]!;
    return `${stuck.name} ${step!.kind === 'spin' ? 'spins' : 'sleeps'} for ever`;
  }

  #isOpen(thread: number): boolean {
    return this.#moments[this.#state.moments[thread]!]!.step !== undefined;
  }

  #isEndless(name: string): boolean {
    return this.#world.endless?.includes(name) === true;
  }

  #judge(): string | undefined {
    const { judge } = this.#world;
    if (!judge) return undefined;
    if (this.#threads.some(({ index, name }) => this.#isOpen(index) && !this.#isEndless(name))) {
      return undefined;
    }
    const values = Array.from(this.#state.moments, (moment) => this.#moments[moment]!.value);
    const reader = new EndPort(this.#setup.cells, (access) =>
      this.#cells.has(access.cell) ? this.#stepper.settled(this.#state, access) : undefined,
    );
    return through(reader, () => judge(values));
  }

  #scheduleTo(number: number): string[] {
    const schedule: string[] = [];
    for (let at = number; at > 0; at = this.#before[at]!) {
      const move = this.#moves[at]!;
      const { name } = this.#threads[move.thread]!;
      schedule.push(`${name}: ${printMove(move, this.#stepper.stores, this.#setup)}`);
    }
    return schedule.toReversed();
  }
}
