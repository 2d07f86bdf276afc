import type { Process } from '../../clock/process.ts';
import type { Director } from '../world/world.ts';
import type { HostedMigration } from './hosted-migration.ts';

/** The director's `watch` is called this often. */
const WATCH_NS = 100e6;

/** Calls the director of a virtual world: once at the start, when a migration has ended, and every 100 ms. */
export class DirectorProcess implements Process {
  /** This class puts it before the hosts and migrations that are due at the same time. */
  readonly eventClass = -1;
  isOver = false;
  readonly #director: Director;
  #hasBegun = false;
  #watchAtNs = 0;
  /** The migrations whose end the director has not been told of, and what is to be done before it is. */
  readonly #open = new Map<HostedMigration, (nowNs: number) => void>();

  constructor(director: Director) {
    this.#director = director;
  }

  /** Follows a migration that has begun. At its end `release` is called first, and then the director. */
  follow(migration: HostedMigration, release: (nowNs: number) => void): void {
    this.#open.set(migration, release);
  }

  nextNs(nowNs: number): number {
    if (!this.#hasBegun) return nowNs;
    let nextNs = this.#watchAtNs;
    for (const { endNs } of this.#open.keys())
      if (endNs !== undefined) nextNs = Math.min(nextNs, endNs);
    return Math.max(nowNs, nextNs);
  }

  step(atNs: number): void {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#watchAtNs = atNs + WATCH_NS;
      this.#director.begin(atNs);
    }
    for (const [migration, release] of this.#open) {
      if (migration.endNs === undefined || migration.endNs > atNs) continue;
      this.#open.delete(migration);
      release(atNs);
      this.#director.onMigrationEnd(migration, atNs);
    }
    if (atNs >= this.#watchAtNs) {
      this.#watchAtNs = atNs + WATCH_NS;
      this.#director.watch(atNs);
    }
    // A migration that the director no longer waits for is followed to its end all the same.
    this.isOver = this.#director.isOver && this.#open.size === 0;
  }
}
