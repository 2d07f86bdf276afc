/**
 * Seeded generators of integers. They decide which pages and bytes a guest touches, so they use nothing but
 * 32-bit integer arithmetic and + − × ÷, which give the same numbers on every machine.
 */

/** Mixes the bits of a 32-bit word, one to one: the xor-shift-multiply hash "lowbias32" (Wellons, hash-prospector). */
export function mix32(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** Hashes a seed and any number of further integers (each below 2^53) into one 32-bit word. */
export function hashWords(seed: number, ...parts: readonly number[]): number {
  let h = hashSeed(seed);
  for (const part of parts) h = hashOn(h, part);
  return h;
}

/** Returns the hash of a seed alone, on which `hashOn` goes on. */
export function hashSeed(seed: number): number {
  return (mix32(seed | 0) ^ mix32(Math.floor(seed / 4294967296) + 0x9e3779b9)) >>> 0;
}

/** Returns the hash of what `hash` is the hash of and one more integer, so that parts in common are hashed once. */
export function hashOn(hash: number, part: number): number {
  return mix32(mix32(hash ^ (part | 0)) + Math.floor(part / 4294967296) + 0x85ebca6b);
}

/** A small sequential generator with 128 bits of state: sfc32, Doty-Humphrey's "Small Fast Chaotic" generator. */
export class Generator {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number, ...parts: readonly number[]) {
    this.#a = hashWords(seed, ...parts, 1);
    this.#b = hashWords(seed, ...parts, 2);
    this.#c = hashWords(seed, ...parts, 3);
    for (let i = 0; i < 12; i++) this.next();
  }

  /** Returns the next number, a uniform 32-bit unsigned integer. */
  next(): number {
    const t = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    return t >>> 0;
  }

  /** Returns a uniform integer in [0, bound). `bound` is at most 2^32; up to 2^21 no bias can be measured. */
  below(bound: number): number {
    return Math.floor((this.next() / 4294967296) * bound);
  }

  /** Shuffles in place (Fisher and Yates). */
  shuffle(items: Uint32Array): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = items[i]!;
      items[i] = items[j]!;
      items[j] = held;
    }
  }
}
