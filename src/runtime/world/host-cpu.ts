import type { Cpu, CpuUser } from '../../guest/cpu.ts';

/**
 * Shares a host's CPUs by water-filling: everybody gets what he demands, up to a level that is the same
 * for all in proportion to their weights, and the level is as high as the CPUs allow. That is what a
 * fair scheduler (Linux' CFS and EEVDF) comes to over a while.
 */
export class HostCpu implements Cpu {
  readonly cpus: number;
  readonly #users = new Set<User>();
  #isStale = false;
  #usedCpus = 0;

  constructor(cpus: number) {
    this.cpus = cpus;
  }

  join(weight: number): CpuUser {
    const user = new User(weight, {
      settle: () => this.#settle(),
      changed: () => (this.#isStale = true),
      left: (one) => void this.#users.delete(one),
    });
    this.#users.add(user);
    return user;
  }

  get usedCpus(): number {
    this.#settle();
    return this.#usedCpus;
  }

  #settle(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    // Who wants least for his weight is served first; the level rises for those behind him.
    const users = [...this.#users].toSorted(
      (a, b) => a.demanded / a.weight - b.demanded / b.weight,
    );
    let leftCpus = this.cpus;
    let leftWeight = users.reduce((sum, { weight }) => sum + weight, 0);
    this.#usedCpus = 0;
    for (const user of users) {
      const level = leftCpus === Infinity ? Infinity : (leftCpus * user.weight) / leftWeight;
      user.shared = Math.min(user.demanded, level);
      leftCpus -= user.shared;
      leftWeight -= user.weight;
      this.#usedCpus += user.shared;
    }
  }
}

interface Owner {
  settle(this: void): void;
  changed(this: void): void;
  left(this: void, user: User): void;
}

class User implements CpuUser {
  readonly weight: number;
  demanded = 0;
  shared = 0;
  readonly #owner: Owner;

  constructor(weight: number, owner: Owner) {
    this.weight = weight;
    this.#owner = owner;
  }

  demand(cpus: number): void {
    if (cpus === this.demanded) return;
    this.demanded = cpus;
    this.#owner.changed();
  }

  get sharedCpus(): number {
    this.#owner.settle();
    return this.shared;
  }

  get slowdown(): number {
    this.#owner.settle();
    return this.shared > 0 ? this.demanded / this.shared : 1;
  }

  leave(): void {
    this.demanded = 0;
    this.shared = 0;
    this.#owner.left(this);
    this.#owner.changed();
  }
}
