import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { aliasTable, zipfWeights } from '../../src/random/alias-table.ts';
import { exp, ln, power } from '../../src/random/elementary.ts';
import { Generator, hashWords, mix32 } from '../../src/random/generator.ts';

const take = (generator: Generator, count: number): number[] =>
  Array.from({ length: count }, () => generator.next());

/** The first numbers in the order that a seed gives them. */
const shuffled = (seed: number, length: number): Uint32Array => {
  const items = Uint32Array.from({ length }, (_, i) => i);
  new Generator(seed).shuffle(items);
  return items;
};

/** mix32 in arithmetic without a width. */
const reference = (value: number): number => {
  const mask = 0xffffffffn;
  let x = BigInt(value);
  x = ((x ^ (x >> 16n)) * 0x7feb352dn) & mask;
  x = ((x ^ (x >> 15n)) * 0x846ca68bn) & mask;
  return Number(x ^ (x >> 16n));
};

const relative = (got: number, want: number): number => Math.abs(got - want) / Math.abs(want);

/** The most wanted page. */
const top = (seed: number): number => zipfWeights(1000, 0.99, seed).indexOf(1);

describe('Generator', () => {
  it('gives the same numbers on every machine', () => {
    expect(take(new Generator(1), 5)).toEqual([
      3754221104, 992499780, 1430215673, 1704647864, 1055936378,
    ]);
    expect(take(new Generator(1, 2), 5)).toEqual([
      2888865122, 3475989750, 2609797044, 4096391306, 2486159158,
    ]);
    expect(take(new Generator(2 ** 40 + 5), 5)).toEqual([
      1505155167, 1994211514, 3851541846, 4082301408, 1419611030,
    ]);
  });

  it('tells seeds and parts apart, also beyond 32 bits', () => {
    const seeds = [[0], [1], [2 ** 32], [2 ** 32 + 1], [0, 0], [0, 1], [1, 0], [0, 0, 1]] as const;
    const firsts = seeds.map(([seed, ...parts]) => new Generator(seed, ...parts).next());
    expect(new Set(firsts).size).toBe(seeds.length);
  });

  it('stays below a bound and reaches all of a small one', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 2 ** 32 }), (seed, bound) => {
        const generator = new Generator(seed);
        for (let i = 0; i < 20; i++) {
          const value = generator.below(bound);
          expect(Number.isInteger(value) && value >= 0 && value < bound).toBe(true);
        }
      }),
    );
    const generator = new Generator(3);
    const seen = new Set(Array.from({ length: 300 }, () => generator.below(10)));
    expect(seen.size).toBe(10);
  });

  it('spreads evenly', () => {
    const generator = new Generator(5);
    const counts = new Uint32Array(16);
    for (let i = 0; i < 160_000; i++) counts[generator.below(16)]!++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });

  it('shuffles into a permutation, the same for the same seed', () => {
    expect([...shuffled(7, 10)]).toEqual([2, 1, 3, 4, 6, 8, 9, 0, 7, 5]);
    fc.assert(
      fc.property(fc.nat(), fc.nat({ max: 500 }), (seed, length) => {
        const items = shuffled(seed, length);
        expect([...items].toSorted((a, b) => a - b)).toEqual(Array.from({ length }, (_, i) => i));
        expect(shuffled(seed, length)).toEqual(items);
      }),
    );
  });
});

describe('hashes', () => {
  it('mix 32 bits as the definition says', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (value) => {
        expect(mix32(value)).toBe(reference(value));
      }),
    );
  });

  it('are 32-bit words that depend on each part and its place', () => {
    expect(hashWords(1, 2, 3)).toBe(1358308637);
    const words = [
      hashWords(1, 2, 3),
      hashWords(1, 3, 2),
      hashWords(2, 1, 3),
      hashWords(1, 2),
      hashWords(1, 2, 3 + 2 ** 32),
    ];
    expect(new Set(words).size).toBe(words.length);
    for (const word of words) expect(word >>> 0).toBe(word);
  });
});

describe('elementary functions', () => {
  const TOLERANCE = 1e-12;

  it('ln agrees with Math.log from the smallest to the largest numbers', () => {
    for (let exponent = -307; exponent <= 308; exponent += 0.37) {
      const x = 10 ** exponent;
      expect(relative(ln(x), Math.log(x))).toBeLessThan(TOLERANCE);
    }
    expect(ln(1)).toBe(0);
  });

  it('ln keeps its digits close to 1', () => {
    for (const distance of [0.3, 0.1, 1e-3, 1e-6, 1e-9, 1e-12, 1e-15]) {
      expect(relative(ln(1 + distance), Math.log(1 + distance))).toBeLessThan(TOLERANCE);
      expect(relative(ln(1 - distance), Math.log(1 - distance))).toBeLessThan(TOLERANCE);
    }
  });

  it('exp agrees with Math.exp over its range', () => {
    for (let x = -700; x <= 700; x += 0.173) {
      expect(relative(exp(x), Math.exp(x))).toBeLessThan(TOLERANCE);
    }
    expect(exp(0)).toBe(1);
  });

  it('power agrees with Math.pow', () => {
    for (let x = 1e-9; x < 1e9; x *= 1.37) {
      for (let y = -30; y <= 30; y += 0.71) {
        expect(relative(power(x, y), x ** y)).toBeLessThan(TOLERANCE);
      }
    }
  });
});

/** The probability of each page that drawing from a table has. */
function probabilities(table: Uint32Array): Float64Array {
  const size = table.length / 2;
  const result = new Float64Array(size);
  for (let slot = 0; slot < size; slot++) {
    const keep = table[2 * slot]! / 2 ** 32;
    result[slot]! += keep / size;
    result[table[2 * slot + 1]!]! += (1 - keep) / size;
  }
  return result;
}

/** How far a page's share of the draws is from its share of the weights, at most. */
function largestError(weights: Float64Array): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return probabilities(aliasTable(weights)).reduce(
    (most, probability, page) => Math.max(most, Math.abs(probability - weights[page]! / total)),
    0,
  );
}

describe('alias table', () => {
  it.each([
    [1, 0.99],
    [2, 0.5],
    [100, 0],
    [1000, 0.99],
    [4096, 1.2],
    [16384, 3],
    [777, 10],
  ])('draws %d pages by a zipf law of %d', (pages, theta) => {
    expect(largestError(zipfWeights(pages, theta, 1))).toBeLessThan(1e-8);
  });

  it('draws any pages by any weights', () => {
    const weight = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
    fc.assert(
      fc.property(fc.array(weight, { minLength: 1, maxLength: 200 }), (weights) => {
        expect(largestError(Float64Array.from(weights))).toBeLessThan(1e-8);
      }),
    );
  });

  it('never draws a page of weight 0', () => {
    const found = probabilities(aliasTable(Float64Array.from([0, 3, 0, 1])));
    expect(found[0]).toBe(0);
    expect(found[2]).toBe(0);
  });
});

describe('zipf weights', () => {
  it.each([0, 0.5, 0.99, 1, 2])('are a permutation of k^-%d', (theta) => {
    const pages = 1000;
    const weights = [...zipfWeights(pages, theta, 4)].toSorted((a, b) => b - a);
    weights.forEach((weight, rank) => {
      expect(Math.abs(weight / (rank + 1) ** -theta - 1)).toBeLessThan(1e-12);
    });
  });

  it('scatter the wanted pages by the seed', () => {
    expect(top(1)).toBe(top(1));
    expect(new Set([1, 2, 3, 4, 5].map(top)).size).toBeGreaterThan(1);
  });
});
