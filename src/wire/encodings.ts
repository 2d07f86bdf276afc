/** The encodings that a scenario may choose; besides, every page may be sent raw. */
export const CHOSEN_ENCODINGS = ['zero', 'reference', 'xbzrle'] as const;
export type ChosenEncoding = (typeof CHOSEN_ENCODINGS)[number];

/** Encodings that QEMU has and this program does not. A scenario that asks for one is told so, not that it misspelt it. */
export const LATER_ENCODINGS = ['zstd', 'lz4'] as const;

/** `same` is a page that has not changed since it was sent last; it comes with `xbzrle`. */
export type EncodingName = 'raw' | ChosenEncoding | 'same';

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
} as const satisfies Record<EncodingName, number>;

export const ENCODING_COUNT = Object.keys(ENCODING).length;
