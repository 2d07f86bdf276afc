import { Generator } from '../../../src/random/generator.ts';
import { printMove } from './print.ts';
import { SetupPort, through } from './shared-memory.ts';
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

/** This many schedules are played at random, to find out beforehand what the threads share. */
const WALKS = 40;
const MOST_STATES = 3_000_000;

/**
 * Explores every interleaving of the threads that `setUp` makes. A state from which no thread can go on while one is
 * not over is a violation: that thread sleeps for ever. So is an error that a thread throws, and what the world's
 * judge says of an end.
 *
 * The code runs again from its beginning for each new result of a step, and is stopped at the step after it; its way
 * is remembered, so the same way is never run twice. States are explored level by level. All schedules that lead to a
 * state have the same number of steps, so equal states always lie on the same level, and no others need be kept.
 */
export function explore(setUp: () => World): Exploration {
  const sharing = new Sharing();
  const setup = new SetupPort();
  const world = through(setup, setUp);
  const random = new Generator(1, 1);
  for (let walk = 0; walk < WALKS; walk++) {
    new Search(world, setup, sharing).walk(random);
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
  readonly #packing = new Packing();
  readonly #state: State;
  /** For each state the number of the one before it, and the move between them. */
  readonly #before: number[] = [-1];
  readonly #moves: (Move | undefined)[] = [undefined];

  constructor(world: World, setup: SetupPort, sharing: Sharing) {
    this.#world = world;
    this.#setup = setup;
    this.#sharing = sharing;
    this.#threads = Object.entries(world.threads).map(
      ([name, body], t) => new ModelThread(name, t, body, setup.cells, sharing, this.#moments),
    );
    const cells = sharing.shared();
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
    for (;;) {
      let ways = 0;
      this.#stepper.eachNext(state, (next) => {
        if (random.below(++ways) === 0) chosen.copyFrom(next);
      });
      if (ways === 0 || this.#errorIn(state) !== undefined) return;
      state.copyFrom(chosen);
    }
  }

  /** Explores all states; returns undefined when more has turned out to be shared than was known. */
  run(): Exploration | undefined {
    let level = new Map<string, Visit>();
    level.set(this.#packing.pack(this.#state), { number: 0, schedules: 1 });
    let states = 0;
    let schedules = 0;
    while (level.size > 0) {
      const following = new Map<string, Visit>();
      for (const [packed, visit] of level) {
        this.#packing.unpack(packed, this.#state);
        const ways = this.#expand(this.#state, visit, following);
        if (this.#sharing.hasGrown) return undefined;
        states++;
        const wrong = this.#errorIn(this.#state) ?? (ways === 0 ? this.#wrongAtEnd() : undefined);
        if (wrong !== undefined) {
          const violation = { message: wrong, schedule: this.#scheduleTo(visit.number) };
          return { states, schedules, violation };
        }
        if (ways === 0) schedules += visit.schedules;
      }
      if (this.#moves.length > MOST_STATES) throw new Error('the world has too many states');
      level = following;
    }
    return { states, schedules };
  }

  /** Adds the states that follow to the next level; returns how many ways there are to go on. */
  #expand(state: State, { number, schedules }: Visit, following: Map<string, Visit>): number {
    let ways = 0;
    this.#stepper.eachNext(state, (next, move) => {
      ways++;
      const packed = this.#packing.pack(next);
      const known = following.get(packed);
      if (known) {
        known.schedules += schedules;
        return;
      }
      following.set(packed, { number: this.#moves.length, schedules });
      this.#before.push(number);
      this.#moves.push(move);
    });
    return ways;
  }

  /** Returns what a thread has thrown. */
  #errorIn(state: State): string | undefined {
    for (const moment of state.moments) {
      const { error } = this.#moments[moment]!;
      if (error !== undefined) return error;
    }
    return undefined;
  }

  /** Returns what is wrong with a state from which nobody can go on. */
  #wrongAtEnd(): string | undefined {
    const moments = Array.from(this.#state.moments, (moment) => this.#moments[moment]!);
    const stuck = moments.findIndex(({ step }) => step !== undefined);
    if (stuck >= 0) {
      const { name } = this.#threads[stuck]!;
      return `${name} ${moments[stuck]!.step!.kind === 'spin' ? 'spins' : 'sleeps'} for ever`;
    }
    return this.#world.judge?.(moments.map(({ value }) => value));
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

interface Visit {
  readonly number: number;
  /** How many schedules lead to the state. */
  schedules: number;
}
