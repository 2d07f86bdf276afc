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
  /** The migrations that have not been released yet, and what is to be done then. */
  readonly #open = new Map<HostedMigration, (nowNs: number) => void>();
  /** Those whose end the director has not been told of; the managers of some of them clean up. */
  readonly #untold = new Set<HostedMigration>();

  constructor(director: Director) {
    this.#director = director;
  }

  /**
   * Follows a migration that has begun. At its end `release` is called first, and the director once the manager has
   * cleaned up.
   */
  follow(migration: HostedMigration, release: (nowNs: number) => void): void {
    this.#open.set(migration, release);
    this.#untold.add(migration);
  }

  nextNs(nowNs: number): number {
    if (!this.#hasBegun) return nowNs;
    let nextNs = this.#watchAtNs;
    for (const migration of this.#untold) {
      const isOpen = this.#open.has(migration);
      const dueNs = isOpen ? migration.transferredNs : migration.cleanedUpNs;
      if (dueNs !== undefined) nextNs = Math.min(nextNs, dueNs);
    }
    return Math.max(nowNs, nextNs);
  }

  step(atNs: number): void {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#watchAtNs = atNs + WATCH_NS;
      this.#director.begin(atNs);
    }
    for (const migration of this.#untold) {
      const { transferredNs = Infinity, cleanedUpNs = Infinity } = migration;
      if (transferredNs > atNs) continue;
      this.#open.get(migration)?.(atNs);
      this.#open.delete(migration);
      if (cleanedUpNs > atNs) continue;
      this.#untold.delete(migration);
      migration.isTold = true;
      this.#director.onMigrationEnd(migration, atNs);
    }
    if (atNs >= this.#watchAtNs) {
      this.#watchAtNs = atNs + WATCH_NS;
      this.#director.watch(atNs);
    }
    // A migration that the director no longer waits for is followed to its end all the same.
    this.isOver = this.#director.isOver && this.#untold.size === 0;
  }
}
