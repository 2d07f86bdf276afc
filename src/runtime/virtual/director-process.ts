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
  readonly #migrations: () => readonly HostedMigration[];
  #hasBegun = false;
  #watchAtNs = 0;
  #told = new Set<HostedMigration>();

  constructor(director: Director, migrations: () => readonly HostedMigration[]) {
    this.#director = director;
    this.#migrations = migrations;
  }

  nextNs(nowNs: number): number {
    if (!this.#hasBegun) return nowNs;
    let nextNs = this.#watchAtNs;
    for (const hosted of this.#migrations()) {
      if (hosted.endNs === undefined || this.#told.has(hosted)) continue;
      nextNs = Math.min(nextNs, hosted.endNs);
    }
    return Math.max(nowNs, nextNs);
  }

  step(atNs: number): void {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#watchAtNs = atNs + WATCH_NS;
      this.#director.begin(atNs);
    }
    for (const hosted of this.#migrations()) {
      if (hosted.endNs === undefined || hosted.endNs > atNs || this.#told.has(hosted)) continue;
      this.#told.add(hosted);
      hosted.release();
      this.#director.ended(hosted, atNs);
    }
    if (atNs >= this.#watchAtNs) {
      this.#watchAtNs = atNs + WATCH_NS;
      this.#director.watch(atNs);
    }
    this.isOver = this.#director.isOver;
  }
}
