import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Compressor } from './compressor.ts';

/** Windows have from 2^9 to 2^15 bytes (zlib.h, deflateInit2). */
const MOST_WINDOW_BITS = 15;

/** Returns the bits of the smallest window over a block: a larger one would only take longer to set up. */
const windowBits = (bytes: number): number =>
  Math.min(MOST_WINDOW_BITS, Math.max(9, Math.ceil(Math.log2(bytes))));

/** Opens deflate without any header, as node:zlib has it (RFC 1951). */
export function zlibCompressor(level: number): Compressor {
  return {
    compress: (bytes) =>
      deflateRawSync(bytes, {
        level,
        windowBits: windowBits(bytes.length),
        chunkSize: bytes.length + 64,
      }),
    decompress(block, into) {
      try {
        const options = { maxOutputLength: into.length, chunkSize: into.length };
        const bytes = inflateRawSync(block, options);
        if (bytes.length !== into.length) return false;
        into.set(bytes);
        return true;
      } catch {
        return false;
      }
    },
  };
}
