import { describe, expect, it } from 'vitest';
import { Generator } from '../../src/random/generator.ts';
import { applyWordRuns, encodeWordRuns, mostWordRunsBytes } from '../../src/wire/word-runs.ts';
import { applyXorRuns, encodeXorRuns, encodeXorRunsBytewise } from '../../src/wire/xor-runs.ts';

const PAGE = 4096;

/** A page and its older copy, which differ in a number of patches that the seed draws. */
function pair(seed: number): { old: Uint8Array; page: Uint8Array } {
  const random = new Generator(seed);
  const old = Uint8Array.from({ length: PAGE }, () => random.below(seed % 3 === 0 ? 2 : 256));
  const page = old.slice();
  const patches = seed % 7 === 0 ? 0 : random.below(40);
  for (let patch = 0; patch < patches; patch++) {
    const at = random.below(PAGE);
    const end = Math.min(PAGE, at + 1 + random.below(seed % 5 === 0 ? 600 : 9));
    for (let i = at; i < end; i++) page[i] = random.below(256);
  }
  if (seed % 11 === 0) page.forEach((byte, i) => (page[i] = byte ^ 0xff));
  return { old, page };
}

/**
 * An independent reading of the format of XBZRLE as QEMU's documentation states it: zero run, non-zero run, in turns,
 * with lengths in ULEB128. It builds the whole XOR first and knows nothing of the encoder.
 */
function decodeByTheBook(old: Uint8Array, runs: readonly number[]): Uint8Array {
  const queue = [...runs];
  const length = (): number => {
    const byte = queue.shift()!;
    return byte < 128 ? byte : byte - 128 + 128 * length();
  };
  const page: number[] = [];
  while (queue.length > 0) {
    for (let zeros = length(); zeros > 0; zeros--) page.push(old[page.length]!);
    for (let bytes = length(); bytes > 0; bytes--) page.push(queue.shift()!);
  }
  return Uint8Array.from([...page, ...old.subarray(page.length)]);
}

describe('the runs of the XOR of a page and its older copy', () => {
  it('are those of the twin, and an independent decoder and the own one make the page of them', () => {
    let encodedPages = 0;
    for (let seed = 0; seed < 150; seed++) {
      const { old, page } = pair(seed);
      const out = new Uint8Array(2 * PAGE);
      const twin = new Uint8Array(2 * PAGE);
      const bytes = encodeXorRuns(old, page, out, 8, PAGE);
      expect(encodeXorRunsBytewise(old, page, twin, 8, PAGE), `seed ${seed}`).toBe(bytes);
      expect(Buffer.compare(out, twin), `seed ${seed}`).toBe(0);
      if (bytes < 0) continue;
      encodedPages++;
      const runs = [...out.subarray(8, 8 + bytes)];
      expect(Buffer.compare(decodeByTheBook(old, runs), page), `seed ${seed}`).toBe(0);
      const copy = old.slice();
      expect(applyXorRuns(copy, out, 8, 8 + bytes)).toBe(true);
      expect(Buffer.compare(copy, page), `seed ${seed}`).toBe(0);
    }
    expect(encodedPages).toBeGreaterThan(100);
  });

  it('are none for a page that has not changed, and -1 says that they would be too many', () => {
    const page = new Uint8Array(PAGE).fill(7);
    expect(encodeXorRuns(page, page.slice(), new Uint8Array(PAGE), 0, PAGE)).toBe(0);
    const other = page.map((byte) => byte ^ 1);
    expect(encodeXorRuns(page, other, new Uint8Array(2 * PAGE), 0, PAGE)).toBe(-1);
    expect(encodeXorRuns(page, other, new Uint8Array(2 * PAGE), 0, PAGE + 3)).toBe(PAGE + 3);
  });

  it.each([
    ['that are cut off in a length', [0x80]],
    ['that are cut off in their bytes', [0, 4, 1, 2]],
    ['that reach beyond the page', [0xff, 0x1f, 2, 1, 1]],
    ['with an empty run of differing bytes', [1, 0]],
    ['with a length that is not in its shortest form', [0x80, 0, 1, 9]],
  ])('are refused %s', (_, runs) => {
    expect(applyXorRuns(new Uint8Array(PAGE), Uint8Array.from(runs), 0, runs.length)).toBe(false);
  });
});

describe("the runs of words of Xen's Remus", () => {
  it('make the page of its old copy, within the worst case of 4105 bytes', () => {
    let longest = 0;
    for (let seed = 0; seed < 110; seed++) {
      const { old, page } = pair(seed);
      const out = new Uint8Array(2 * PAGE);
      const bytes = encodeWordRuns(old, page, out, 4);
      longest = Math.max(longest, bytes);
      const copy = old.slice();
      expect(applyWordRuns(copy, out, 4, 4 + bytes)).toBe(true);
      expect(Buffer.compare(copy, page), `seed ${seed}`).toBe(0);
    }
    expect(longest).toBe(4105);
    expect(mostWordRunsBytes(PAGE)).toBe(4105);
  });

  it('are one marker of zero for an unchanged page, and a marker and all bytes for an unknown one', () => {
    const page = new Uint8Array(PAGE).fill(7);
    const out = new Uint8Array(2 * PAGE);
    expect(encodeWordRuns(page.slice(), page, out, 0)).toBe(1);
    expect(out[0]).toBe(0);
    expect(applyWordRuns(page.slice(), out, 0, 1)).toBe(true);
    expect(encodeWordRuns(undefined, page, out, 0)).toBe(4097);
    expect(out[0]).toBe(0x80);
    const copy = new Uint8Array(PAGE);
    expect(applyWordRuns(copy, out, 0, 4097)).toBe(true);
    expect(copy).toEqual(page);
  });

  it.each([
    ['that end before the page', [0x81, 0x81]],
    ['that are cut off in their words', [2, 1, 2, 3, 4]],
    ['with an empty run', [0x80, 0, 0x81]],
  ])('are refused %s', (_, runs) => {
    expect(applyWordRuns(new Uint8Array(PAGE), Uint8Array.from(runs), 0, runs.length)).toBe(false);
  });
});
