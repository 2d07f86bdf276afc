import { type Contents, FILLED_VERSION, recipeOf } from '../memory/contents/contents.ts';
import { type Recipe, RECIPE_WORDS } from '../memory/contents/generators.ts';
import { type GuestMemory, slotOf } from '../memory/guest-memory.ts';
import { scratchAreas } from '../memory/layout.ts';
import { mix32 } from '../random/generator.ts';

/** What a guest's memory held before it ran. */
export interface InitialContents {
  readonly contents: readonly Contents[];
  readonly seed: number;
}

/**
 * How page sharing sees the contents of a guest's pages: something that stands for them is hashed, compared in full and
 * kept for a shared page. It is zero in all bytes for a page of zeros and for no other.
 */
export interface PageContents {
  /** Writes the 64-bit hash of a page's contents to `out`, low word first. */
  hash(gfn: number, out: Int32Array): void;
  /** Returns what stands for a page's contents; it may lie in `scratch`, which has CONTENTS_BYTES. */
  read(gfn: number, scratch: Uint8Array): Uint8Array;
  /** Gives a page the contents that `read` has returned of an equal one. */
  write(gfn: number, contents: Uint8Array): void;
}

/** The bytes that stand for the contents of a page of which only a version is kept: its recipe. */
export const CONTENTS_BYTES = 4 * RECIPE_WORDS;

/** The first word of what stands for a page that was written; words of recipes are smaller. */
const WRITTEN = 4;

/** The contents of pages that have bytes: the bytes stand for themselves. */
export class ByteContents implements PageContents {
  readonly #memory: GuestMemory;

  constructor(memory: GuestMemory) {
    this.#memory = memory;
  }

  hash(gfn: number, out: Int32Array): void {
    const { layout, kernels, words } = slotOf(this.#memory, gfn);
    const { hash } = scratchAreas(layout);
    const at = layout.ramOffset + (gfn - layout.firstGfn) * layout.storedBytes;
    kernels.pageHash(at, layout.storedBytes, hash);
    out[0] = words[hash >>> 2]!;
    out[1] = words[(hash >>> 2) + 1]!;
  }

  read(gfn: number): Uint8Array {
    return storedBytesAt(this.#memory, gfn);
  }

  write(gfn: number, contents: Uint8Array): void {
    this.read(gfn).set(contents);
  }
}

/**
 * The contents of pages that are counts of writes. Two are equal when the bytes that they stand for would be: both are
 * zero; or both still hold what they were filled with, and that is made from the same recipe. A page that was written is
 * equal to no other, because each write mixes a token of its guest and of the access into the page.
 */
export class VersionContents implements PageContents {
  readonly #memory: GuestMemory;
  readonly #guest: number;
  readonly #initial: InitialContents;
  readonly #recipe: Recipe = new Int32Array(RECIPE_WORDS);
  readonly #bytes = new Uint8Array(this.#recipe.buffer);

  constructor(memory: GuestMemory, guest: number, initial: InitialContents) {
    this.#memory = memory;
    this.#guest = guest;
    this.#initial = initial;
  }

  hash(gfn: number, out: Int32Array): void {
    this.#identify(gfn);
    const [a, b, c, d] = [this.#recipe[0]!, this.#recipe[1]!, this.#recipe[2]!, this.#recipe[3]!];
    const low = mix32(a ^ mix32(b ^ mix32(c ^ mix32(d + 0x243f6a88))));
    out[0] = low;
    out[1] = mix32(d ^ mix32(c ^ mix32(b ^ mix32(a ^ (low + 0x85a308d3)))));
  }

  read(gfn: number, scratch: Uint8Array): Uint8Array {
    this.#identify(gfn);
    scratch.set(this.#bytes);
    return scratch;
  }

  write(gfn: number, contents: Uint8Array): void {
    this.#bytes.set(contents);
    const { words, layout } = slotOf(this.#memory, gfn);
    const at = (layout.ramOffset >>> 2) + gfn - layout.firstGfn;
    const made = this.#recipe[0]!;
    words[at] = made === WRITTEN ? this.#recipe[3]! : made === 0 ? 0 : FILLED_VERSION;
  }

  /** Leaves in `#recipe` what stands for a page. */
  #identify(gfn: number): void {
    const { words, layout } = slotOf(this.#memory, gfn);
    const version = words[(layout.ramOffset >>> 2) + gfn - layout.firstGfn]!;
    const recipe = this.#recipe;
    if (version === (FILLED_VERSION | 0)) {
      recipeOf(this.#initial.contents, this.#initial.seed, gfn, recipe);
    } else if (version === 0) {
      recipe.fill(0);
    } else {
      recipe[0] = WRITTEN;
      recipe[1] = this.#guest;
      recipe[2] = gfn;
      recipe[3] = version;
    }
  }
}

/** Returns the bytes that stand for a page in a guest's memory. */
export function storedBytesAt(memory: GuestMemory, gfn: number): Uint8Array {
  const { ram, layout } = slotOf(memory, gfn);
  const from = (gfn - layout.firstGfn) * layout.storedBytes;
  return ram.subarray(from, from + layout.storedBytes);
}
