/** Returns a generator of numbers in [0, 1) (xorshift32); they are the same in every run of a bench. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 4294967296;
  };
}

/** Returns the numbers below `count` in random order. */
export function shuffled(count: number, random: () => number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Returns a bitmap of `pages` pages, each marked with the probability `density`. */
export function randomBitmap(pages: number, density: number, random: () => number): Int32Array {
  const words = new Int32Array(Math.ceil(pages / 512) * 16);
  for (let page = 0; page < pages; page++) {
    if (density === 1 || random() < density) words[page >>> 5]! |= 1 << (page & 31);
  }
  return words;
}
