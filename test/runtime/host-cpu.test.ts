import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HostCpu } from '../../src/runtime/world/host-cpu.ts';

describe("a host's CPUs", () => {
  it('are used as far as users demand them now, whatever they demanded before', () => {
    const cpu = new HostCpu(4);
    const [one, other] = [cpu.join(1), cpu.join(1)];
    other.demand(1);
    const used = [2, 5, 0.5].map((demand) => {
      one.demand(demand);
      return cpu.usedCpus;
    });
    expect(used).toEqual([3, 4, 1.5]);
  });

  it('give everybody what he demands while there is enough', () => {
    const cpu = new HostCpu(4);
    const [a, b] = [cpu.join(2), cpu.join(1)];
    a.demand(2);
    b.demand(0.5);
    expect([a.sharedCpus, b.sharedCpus, a.slowdown]).toEqual([2, 0.5, 1]);
    expect(cpu.usedCpus).toBe(2.5);
  });

  it('are shared by weight when there is not, and nobody waits for an idle share', () => {
    const cpu = new HostCpu(4);
    const users = [1, 1, 2].map((weight) => cpu.join(weight));
    users[0]!.demand(0.5);
    users[1]!.demand(4);
    users[2]!.demand(4);
    // 3.5 are left for weights 1 and 2.
    const shares = users.map((user) => user.sharedCpus);
    [0.5, 3.5 / 3, (2 * 3.5) / 3].forEach((share, i) => expect(shares[i]).toBeCloseTo(share, 12));
    expect(users[1]!.slowdown).toBeCloseTo(4 / (3.5 / 3), 12);
    users[2]!.leave();
    expect(users[1]!.sharedCpus).toBe(3.5);
  });

  it('without a limit slow nobody down', () => {
    const user = new HostCpu(Infinity).join(1);
    user.demand(7);
    expect([user.sharedCpus, user.slowdown]).toEqual([7, 1]);
  });

  it('are never overcommitted, and shares are max-min fair: random users', () => {
    const one = fc.record({
      weight: fc.integer({ min: 1, max: 8 }),
      demand: fc.double({ min: 0, max: 8, noNaN: true }),
    });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 16 }),
        fc.array(one, { minLength: 1 }),
        (cpus, list) => {
          const cpu = new HostCpu(cpus);
          const users = list.map(({ weight }) => cpu.join(weight));
          list.forEach(({ demand }, i) => users[i]!.demand(demand));
          expect(cpu.usedCpus).toBeLessThanOrEqual(cpus * (1 + 1e-12));
          const levels = users.map((user, i) => user.sharedCpus / list[i]!.weight);
          const highest = Math.max(...levels);
          users.forEach((user, i) => {
            const isServed = user.sharedCpus === list[i]!.demand;
            // Who has less than he demands has as much for his weight as anybody, and the CPUs are busy.
            if (isServed) return;
            expect(levels[i]).toBeCloseTo(highest, 9);
            expect(cpu.usedCpus).toBeCloseTo(cpus, 9);
          });
        },
      ),
    );
  });
});

describe('what a user of busy CPUs would get', () => {
  it('is what it gets once it demands it', () => {
    const demand = fc.double({ min: 0, max: 8, noNaN: true });
    const one = fc.record({ weight: fc.integer({ min: 1, max: 8 }), demand });
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 8 }),
        fc.array(one, { minLength: 1 }),
        demand,
        (cpus, list, wanted) => {
          const cpu = new HostCpu(cpus);
          const users = list.map(({ weight }) => cpu.join(weight));
          list.forEach(({ demand: cpusOf }, i) => users[i]!.demand(cpusOf));
          const told = users[0]!.grantFor(wanted);
          users[0]!.demand(wanted);
          expect(told).toBeCloseTo(users[0]!.sharedCpus, 9);
        },
      ),
    );
  });

  it('is all that it wants where CPUs have no limit', () => {
    const user = new HostCpu(Infinity).join(1);
    expect(user.grantFor(3)).toBe(3);
  });
});
