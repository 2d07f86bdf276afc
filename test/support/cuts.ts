import type { Link } from '../../src/link/link.ts';
import type { FakeWorld } from './fake-world.ts';

/** Loses a world's connection just after certain frames, counted over both directions from 1. */
export class Cuts {
  /** Frames posted so far. */
  frames = 0;
  /** Cuts that were made, and restored. */
  cuts = 0;
  restored = 0;
  readonly #world: FakeWorld;
  readonly #forNs: number;
  readonly #left: number[];
  #restoreNs = Infinity;

  /** `after`: of these frames, in order; `forNs` later a new connection stands. */
  constructor(world: FakeWorld, after: readonly number[], forNs = 5e6) {
    this.#world = world;
    this.#left = [...after];
    this.#forNs = forNs;
    for (const link of [world.near, world.far]) this.#count(link);
    world.onTime = () => this.#tend();
  }

  #count(link: Link): void {
    const post = link.post.bind(link);
    link.post = (...given) => {
      post(...given);
      this.frames++;
      if (this.#left[0] === undefined || this.frames < this.#left[0]) return;
      this.#left.shift();
      this.cut();
    };
  }

  cut(): void {
    this.cuts++;
    this.#world.line.cut();
    this.#restoreNs = this.#world.clock.ns + this.#forNs;
  }

  #tend(): void {
    if (this.#world.clock.ns < this.#restoreNs || !this.#world.line.restore()) return;
    this.restored++;
    this.#restoreNs = Infinity;
  }
}
