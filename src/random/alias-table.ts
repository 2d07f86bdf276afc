import { power } from './elementary.ts';
import { Generator } from './generator.ts';

/**
 * Returns the weight of each of `pages` pages under Zipf's law: the page of rank k (0 is the one accessed most
 * often) has weight (k+1)^-theta. A seeded permutation decides which page has which rank, so that hot pages lie
 * scattered, as they do in real guests.
 */
export function zipfWeights(pages: number, theta: number, seed: number): Float64Array {
  const order = Uint32Array.from({ length: pages }, (_, i) => i);
  new Generator(seed, pages).shuffle(order);
  const weights = new Float64Array(pages);
  for (let rank = 0; rank < pages; rank++) weights[order[rank]!] = power(rank + 1, -theta);
  return weights;
}

/**
 * Builds the table of Vose's alias method (IEEE Transactions on Software Engineering 17, 1991): entry i is two
 * u32 words, (threshold × 2^32, alias). To sample, draw an entry uniformly; keep its index when a second draw is
 * below the threshold, else take its alias.
 */
export function aliasTable(weights: Float64Array): Uint32Array {
  const size = weights.length;
  let total = 0;
  for (const weight of weights) total += weight;
  const scaled = Float64Array.from(weights, (weight) => (weight * size) / total);
  const table = new Uint32Array(2 * size);
  const small: number[] = [];
  const large: number[] = [];
  for (let i = 0; i < size; i++) (scaled[i]! < 1 ? small : large).push(i);
  while (small.length > 0 && large.length > 0) {
    const less = small.pop()!;
    const more = large.pop()!;
    table[2 * less] = Math.min(4294967295, Math.floor(scaled[less]! * 4294967296));
    table[2 * less + 1] = more;
    scaled[more] = scaled[more]! + scaled[less]! - 1;
    (scaled[more] < 1 ? small : large).push(more);
  }
  // The entries that are left have weight 1 but for rounding errors, so each always keeps its own index.
  for (const i of [...small, ...large]) {
    table[2 * i] = 4294967295;
    table[2 * i + 1] = i;
  }
  return table;
}
