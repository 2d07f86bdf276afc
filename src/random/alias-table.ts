import { power } from './elementary.ts';
import { Generator } from './generator.ts';

/**
 * Weights of a zipf law: the k-th most wanted of `pages` pages has weight (k+1)^-theta. Which page
 * is the k-th is a seeded permutation, so that hot pages lie scattered, as they do in real guests.
 */
export function zipfWeights(pages: number, theta: number, seed: number): Float64Array {
  const order = Uint32Array.from({ length: pages }, (_, i) => i);
  new Generator(seed, pages).shuffle(order);
  const weights = new Float64Array(pages);
  for (let rank = 0; rank < pages; rank++) weights[order[rank]!] = power(rank + 1, -theta);
  return weights;
}

/**
 * Vose's alias method: entry i is (threshold × 2^32, alias), two u32 words. A draw takes slot i
 * uniformly and keeps it when a second draw is below the threshold, else takes the alias.
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
  // What is left has weight 1 up to rounding; it keeps itself either way.
  for (const i of [...small, ...large]) {
    table[2 * i] = 4294967295;
    table[2 * i + 1] = i;
  }
  return table;
}
