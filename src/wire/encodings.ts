import { COMPRESSORS, type CompressorName } from './compressors/registry.ts';

/** The encodings that a scenario may choose; besides, every page may be sent raw. */
export const CHOSEN_ENCODINGS = ['zero', 'reference', 'xbzrle', ...COMPRESSORS, 'mecom'] as const;
export type ChosenEncoding = (typeof CHOSEN_ENCODINGS)[number];

/**
 * `same` is a page that has not changed since it was sent last; it comes with `xbzrle`. `mecom` chooses between `sparse`
 * (what is not zero), `words` (coded by a dictionary) and a method that compresses.
 */
export type EncodingName = 'raw' | Exclude<ChosenEncoding, 'mecom'> | 'same' | 'sparse' | 'words';

/**
 * The number that stands for each page encoding in the runs of a page frame (docs/wire.md), where it
 * has four bits; references have frames of their own (references.ts). Tallies (tally.ts) are indexed by these
 * numbers, so they have no gaps.
 */
export const ENCODING = {
  raw: 0,
  zero: 1,
  reference: 2,
  xbzrle: 3,
  same: 4,
  zlib: 5,
  lz4: 6,
  zstd: 7,
  sparse: 8,
  words: 9,
} as const satisfies Record<EncodingName, number>;

export const ENCODING_COUNT = Object.keys(ENCODING).length;

/**
 * Returns which method compresses pages, if one does; a migration has one such at most. MECOM takes a fast one of the
 * family of the paper's LZO unless another one is chosen.
 */
export const compressorOf = (encodings: readonly ChosenEncoding[]): CompressorName | undefined =>
  COMPRESSORS.find((name) => encodings.includes(name)) ??
  (encodings.includes('mecom') ? 'lz4' : undefined);

/** Whether pages of an encoding have a block each: of what has changed, or of their words. */
export const hasOwnBlock = (encoding: number): boolean =>
  encoding === ENCODING.xbzrle || isWordCoded(encoding);

/** Whether an encoding is one of those by which MECOM codes the words of a page. */
export const isWordCoded = (encoding: number): boolean =>
  encoding === ENCODING.sparse || encoding === ENCODING.words;

/** Whether pages may be sent as blocks: of what has changed of them, or compressed. */
export const sendsBlocks = (encodings: readonly ChosenEncoding[]): boolean =>
  encodings.includes('xbzrle') || compressorOf(encodings) !== undefined;
