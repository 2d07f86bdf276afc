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
  /** Those whose end the director has not been told of. */
  readonly #open = new Set<HostedMigration>();

  constructor(director: Director) {
    this.#director = director;
  }

  /** A migration has begun, whose end the director is to be told of. */
  follow(migration: HostedMigration): void {
    this.#open.add(migration);
  }

  nextNs(nowNs: number): number {
    if (!this.#hasBegun) return nowNs;
    let nextNs = this.#watchAtNs;
    for (const { endNs } of this.#open) if (endNs !== undefined) nextNs = Math.min(nextNs, endNs);
    return Math.max(nowNs, nextNs);
  }

  step(atNs: number): void {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#watchAtNs = atNs + WATCH_NS;
      this.#director.begin(atNs);
    }
    for (const migration of this.#open) {
      if (migration.endNs === undefined || migration.endNs > atNs) continue;
      this.#open.delete(migration);
      migration.release();
      this.#director.ended(migration, atNs);
    }
    if (atNs >= this.#watchAtNs) {
      this.#watchAtNs = atNs + WATCH_NS;
      this.#director.watch(atNs);
    }
    this.isOver = this.#director.isOver;
  }
}
