/** Encodings that a migration may be told to use; beside them every page may be sent raw. */
export const CHOSEN_ENCODINGS = ['zero'] as const;
export type ChosenEncoding = (typeof CHOSEN_ENCODINGS)[number];

/** Names that are kept for encodings which are not built yet. */
export const LATER_ENCODINGS = ['xbzrle', 'zstd', 'lz4'] as const;

export type EncodingName = 'raw' | ChosenEncoding;

/**
 * The number of each page encoding, which stands in the runs of a page frame (docs/wire.md). A run has
 * four bits for it. Tallies (tally.ts) are lists by these numbers, so they are given out without gaps.
 */
export const ENCODING = { raw: 0, zero: 1 } as const satisfies Record<EncodingName, number>;

export const ENCODING_COUNT = Object.keys(ENCODING).length;
