import type { Compressor } from './compressor.ts';
import { lz4Compressor } from './lz4.ts';
import { zlibCompressor } from './zlib.ts';
import { zstdCompressor } from './zstd.ts';

/** The methods by which pages may be compressed; a migration chooses one of them at most. */
export const COMPRESSORS = ['zlib', 'lz4', 'zstd'] as const;
export type CompressorName = (typeof COMPRESSORS)[number];

/** What a compressor offers: the levels from the fastest to the strongest, none if it has only one. */
interface CompressorKind {
  readonly levels?: { readonly low: number; readonly high: number; readonly usual: number };
  open(level: number): Compressor;
}

const KINDS: Readonly<Record<CompressorName, CompressorKind>> = {
  // QEMU's multifd-zlib-level and multifd-zstd-level are 1 by default.
  zlib: { levels: { low: 1, high: 9, usual: 1 }, open: zlibCompressor },
  lz4: { open: lz4Compressor },
  // Levels above 19 take hundreds of MB for what a window of one page cannot use.
  zstd: { levels: { low: 1, high: 19, usual: 1 }, open: zstdCompressor },
};

/** Returns the levels of a compressor; undefined if it has none to choose from. */
export const levelsOf = (name: CompressorName): CompressorKind['levels'] => KINDS[name].levels;

/** Opens a compressor; its library is loaded then. Throws an Error if there is none for this machine. */
export function openCompressor(name: CompressorName, level?: number): Compressor {
  const kind = KINDS[name];
  return kind.open(level ?? kind.levels?.usual ?? 1);
}
