/**
 * Seeded integer generators. They decide pages and bytes, so they use 32-bit integer arithmetic and
 * + − × ÷ alone: the same numbers on every machine.
 */

/** A bijective 32-bit finaliser (xor-shift-multiply with the "lowbias32" constants). */
export function mix32(value: number): number {
  let x = value;
  x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
  x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
  return (x ^ (x >>> 16)) >>> 0;
}

/** One well-mixed 32-bit word from a seed and any number of further integers (each below 2^53). */
export function hashWords(seed: number, ...parts: readonly number[]): number {
  let h = mix32(seed | 0) ^ mix32(Math.floor(seed / 4294967296) + 0x9e3779b9);
  for (const part of parts) {
    h = mix32(h ^ (part | 0));
    h = mix32(h + Math.floor(part / 4294967296) + 0x85ebca6b);
  }
  return h >>> 0;
}

/** A small sequential generator (sfc32: Doty-Humphrey's Small Fast Chaotic, 128-bit state). */
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

  /** A uniform 32-bit unsigned integer. */
  next(): number {
    const t = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    return t >>> 0;
  }

  /** A uniform integer in [0, bound), bound ≤ 2^21 without measurable bias, ≤ 2^32 in any case. */
  below(bound: number): number {
    return Math.floor((this.next() / 4294967296) * bound);
  }

  /** Fisher–Yates, in place. */
  shuffle(items: Uint32Array): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = items[i]!;
      items[i] = items[j]!;
      items[j] = held;
    }
  }
}
