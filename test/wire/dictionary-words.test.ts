import { expect, it } from 'vitest';
import { Generator } from '../../src/random/generator.ts';
import { applyDictionaryWords, encodeDictionaryWords } from '../../src/wire/dictionary-words.ts';

const PAGE = 4096;

/** A page of words of a few families, which share their upper bits, with zeros and random ones among them. */
function pageOf(seed: number): Uint8Array {
  const random = new Generator(seed);
  const families = Array.from({ length: 1 + random.below(24) }, () => random.below(2 ** 22));
  const shares = [random.below(100), random.below(100)];
  const words = Uint32Array.from({ length: PAGE / 4 }, () => {
    if (random.below(100) < shares[0]!) return 0;
    if (random.below(100) < shares[1]!) return random.below(2 ** 31) * 2;
    return families[random.below(families.length)]! * 1024 + random.below(3);
  });
  return new Uint8Array(words.buffer);
}

it('pages become what they were, whatever their words', () => {
  const out = new Uint8Array(3 * PAGE);
  const lengths = new Set<number>();
  for (let seed = 1; seed <= 300; seed++) {
    const page = pageOf(seed);
    const length = encodeDictionaryWords(page, out, 5, 2 * PAGE);
    const made = new Uint8Array(PAGE).fill(0xee);
    expect(applyDictionaryWords(made, out.slice(5, 5 + length)), `seed ${seed}`).toBe(true);
    expect(Buffer.compare(made, page), `seed ${seed}`).toBe(0);
    // Less room than that is not taken.
    expect(encodeDictionaryWords(page, out, 5, length)).toBe(length);
    expect(encodeDictionaryWords(page, out, 5, length - 1)).toBe(-1);
    lengths.add(length);
  }
  expect(Math.min(...lengths)).toBeLessThan(PAGE / 2);
  expect(Math.max(...lengths)).toBeGreaterThan(PAGE);
});

it('a page of zeros takes two bits a word', () => {
  expect(encodeDictionaryWords(new Uint8Array(PAGE), new Uint8Array(PAGE), 0, PAGE)).toBe(256);
});

it('a block that is cut off, too long, or of other kinds is refused, and no block writes beside its page', () => {
  const out = new Uint8Array(3 * PAGE);
  const random = new Generator(2);
  for (let seed = 1; seed <= 100; seed++) {
    const length = encodeDictionaryWords(pageOf(seed), out, 0, 2 * PAGE);
    const block = out.slice(0, length);
    const room = new Uint8Array(PAGE + 64).fill(0xcd);
    const page = room.subarray(0, PAGE);
    expect(applyDictionaryWords(page, block.subarray(0, length - 1))).toBe(false);
    expect(applyDictionaryWords(page, out.slice(0, length + 1))).toBe(false);
    block[random.below(length)]! ^= 1 << random.below(8);
    applyDictionaryWords(page, block);
    expect(room.subarray(PAGE).every((byte) => byte === 0xcd)).toBe(true);
  }
});
