import type { Link } from '../../src/link/link.ts';
import type { FakeWorld } from './fake-world.ts';

/** Loses a world's connection just after certain frames, counted over both directions from 1. */
export class Cuts {
  /** How many frames have been posted. */
  frames = 0;
  /** How many cuts have been made, and how many connections restored after one. */
  cuts = 0;
  restored = 0;
  readonly #world: FakeWorld;
  readonly #forNs: number;
  readonly #left: number[];
  #restoreNs = Infinity;

  /** Cuts after the frames with the numbers `after`, which ascend; a new connection is there `forNs` later. */
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
