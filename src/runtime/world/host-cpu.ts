import type { Cpu, CpuUser } from '../../guest/cpu.ts';

/**
 * Shares a host's CPUs by water-filling. Every user gets what it demands, up to a level that is the same for all
 * in proportion to their weights, and the level is as high as the CPUs allow. A fair scheduler (Linux' CFS and
 * EEVDF) comes to the same shares over a while.
 */
export class HostCpu implements Cpu {
  readonly cpus: number;
  readonly #users = new Set<User>();
  /** The users, the one first that demands least for its weight. */
  #order: readonly User[] = [];
  #isStale = false;
  #usedCpus = 0;

  constructor(cpus: number) {
    this.cpus = cpus;
  }

  join(weight: number): HostCpuUser {
    const user = new User(weight, {
      settle: () => this.#settle(),
      grantFor: (one, cpus) => this.#grantFor(one, cpus),
      invalidate: () => (this.#isStale = true),
      remove: (one) => void this.#users.delete(one),
    });
    this.#users.add(user);
    return user;
  }

  get usedCpus(): number {
    this.#settle();
    return this.#usedCpus;
  }

  /** Shares the CPUs out anew if a demand has changed since. */
  #settle(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    // The user that demands least for its weight is served first; what it leaves raises the level for the others.
    const users = [...this.#users].toSorted(
      (a, b) => a.demandCpus / a.weight - b.demandCpus / b.weight,
    );
    this.#order = users;
    let leftCpus = this.cpus;
    let leftWeight = users.reduce((sum, { weight }) => sum + weight, 0);
    this.#usedCpus = 0;
    for (const user of users) {
      const level = leftCpus === Infinity ? Infinity : (leftCpus * user.weight) / leftWeight;
      user.grantCpus = Math.min(user.demandCpus, level);
      leftCpus -= user.grantCpus;
      leftWeight -= user.weight;
      this.#usedCpus += user.grantCpus;
    }
  }

  #grantFor(user: User, cpus: number): number {
    this.#settle();
    const { weight } = user;
    let leftCpus = this.cpus;
    if (leftCpus === Infinity) return cpus;
    let leftWeight = 0;
    for (const one of this.#order) leftWeight += one.weight;
    for (const one of this.#order) {
      if (one === user) continue;
      if (one.demandCpus * weight >= cpus * one.weight) break;
      const grant = Math.min(one.demandCpus, (leftCpus * one.weight) / leftWeight);
      leftCpus -= grant;
      leftWeight -= one.weight;
    }
    return Math.min(cpus, (leftCpus * weight) / leftWeight);
  }
}

/** A user of a host's CPUs, which can tell what it would get of them. */
export interface HostCpuUser extends CpuUser {
  /** Returns the CPUs that it would have if it demanded so many, and the others what they demand now. */
  grantFor(cpus: number): number;
}

/** What a user calls of the host that it shares CPUs with. */
interface Owner {
  settle(this: void): void;
  grantFor(this: void, user: User, cpus: number): number;
  /** A demand has changed, so the shares are out of date. */
  invalidate(this: void): void;
  remove(this: void, user: User): void;
}

class User implements HostCpuUser {
  readonly weight: number;
  demandCpus = 0;
  grantCpus = 0;
  readonly #owner: Owner;

  constructor(weight: number, owner: Owner) {
    this.weight = weight;
    this.#owner = owner;
  }

  demand(cpus: number): void {
    if (cpus === this.demandCpus) return;
    this.demandCpus = cpus;
    this.#owner.invalidate();
  }

  get sharedCpus(): number {
    this.#owner.settle();
    return this.grantCpus;
  }

  get slowdown(): number {
    this.#owner.settle();
    return this.grantCpus > 0 ? this.demandCpus / this.grantCpus : 1;
  }

  grantFor(cpus: number): number {
    return this.#owner.grantFor(this, cpus);
  }

  leave(): void {
    this.demandCpus = 0;
    this.grantCpus = 0;
    this.#owner.remove(this);
    this.#owner.invalidate();
  }
}
