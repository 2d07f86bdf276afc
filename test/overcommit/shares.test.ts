import { describe, expect, it } from 'vitest';
import { Generator } from '../../src/random/generator.ts';
import { divideMemory, type MemoryClient, pricePerPage } from '../../src/overcommit/shares.ts';

const client = (changes: Partial<MemoryClient>): MemoryClient => ({
  minPages: 0,
  maxPages: 65_536,
  shares: 1000,
  activePages: 0,
  ...changes,
});

describe('the division of machine memory', () => {
  it('comes to the figures of two guests with equal shares, one of them idle', () => {
    const MIB = 256;
    const clients = [client({ activePages: 8.5 * MIB }), client({ activePages: 200 * MIB })];
    const pages = Math.round(344.8 * MIB);
    // Figure 7 of Waldspurger, OSDI 2002 has 101.5 and 243.3 MB; its model gives 100.6 and 244.2.
    const taxed = divideMemory(clients, pages, 0.75).map((found) => found / MIB);
    expect(taxed[0]).toBeCloseTo(100.6, 1);
    expect(taxed[1]).toBeCloseTo(244.2, 1);
    const equal = divideMemory(clients, pages, 0).map((found) => found / MIB);
    expect(equal[0]).toBeCloseTo(172.4, 1);
    expect(equal[1]).toBeCloseTo(172.4, 1);
  });

  it('gives everybody the maximum while there is enough', () => {
    expect(divideMemory([client({ maxPages: 10 }), client({ maxPages: 20 })], 30, 0.75)).toEqual([
      10, 20,
    ]);
  });

  it('never goes below a minimum', () => {
    const poor = client({ shares: 1, minPages: 400, maxPages: 1000 });
    const [first, second] = divideMemory([poor, client({ maxPages: 1000 })], 1000, 0.75);
    expect(first).toBe(400);
    expect(second).toBe(600);
  });

  it('is where taking page after page from the guest that pays least comes to rest', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const random = new Generator(seed);
      const clients = Array.from({ length: 2 + random.below(4) }, () => {
        const maxPages = 50 + random.below(300);
        return client({
          maxPages,
          minPages: random.below(30),
          shares: 1 + random.below(1000),
          activePages: random.below(maxPages),
        });
      });
      const all = clients.reduce((sum, { maxPages }) => sum + maxPages, 0);
      const least = clients.reduce((sum, { minPages }) => sum + minPages, 0);
      const pages = least + random.below(all - least + 1);
      const taxRate = [0, 0.5, 0.75, 0.9][random.below(4)]!;
      const divided = divideMemory(clients, pages, taxRate);
      const revoked = revoke(clients, pages, taxRate);
      divided.forEach((found, i) =>
        expect(Math.abs(found - revoked[i]!), `seed ${seed}`).toBeLessThanOrEqual(clients.length),
      );
      expect(
        divided.reduce((sum, found) => sum + found, 0),
        `seed ${seed}`,
      ).toBeLessThanOrEqual(pages);
    }
  });
});

/** Takes a page at a time from the guest above its minimum that pays the least (section 5.2), until enough is free. */
function revoke(clients: readonly MemoryClient[], pages: number, taxRate: number): number[] {
  const has = clients.map(({ maxPages }) => maxPages);
  let sum = has.reduce((total, own) => total + own, 0);
  for (; sum > pages; sum--) {
    let victim = -1;
    let least = Infinity;
    clients.forEach((one, i) => {
      const price = pricePerPage(one, has[i]!, taxRate);
      if (has[i]! > one.minPages && price < least) [victim, least] = [i, price];
    });
    has[victim]!--;
  }
  return has;
}
