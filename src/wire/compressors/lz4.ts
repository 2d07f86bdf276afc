import { createRequire } from 'node:module';
import type { Compressor } from './compressor.ts';

/** The part of the package lz4-napi that is used; a block begins with its decompressed length, four bytes long. */
interface Lz4 {
  compressSync(bytes: Buffer): Buffer;
  uncompressSync(block: Buffer): Buffer;
}

const LENGTH_BYTES = 4;

/** The library is loaded when it is first needed, since programs that do without it should start without it. */
function load(): Lz4 {
  try {
    return createRequire(import.meta.url)('lz4-napi') as Lz4;
  } catch (error) {
    const machine = `${process.platform}-${process.arch}`;
    const sentence = `the encoding lz4 needs the package lz4-napi, which cannot be loaded on ${machine}: choose zstd or zlib`;
    throw new Error(sentence, { cause: error });
  }
}

/** Opens LZ4's block format (lz4_Block_format.md); a block does not say how long it is once decompressed. */
export function lz4Compressor(): Compressor {
  const lz4 = load();
  let scratch = Buffer.alloc(0);
  return {
    compress: (bytes) => lz4.compressSync(bytes).subarray(LENGTH_BYTES),
    decompress(block, into) {
      const length = LENGTH_BYTES + block.length;
      if (scratch.length < length) scratch = Buffer.alloc(length);
      // The library takes this much memory, so it is the receiver that says how much.
      scratch.writeUInt32LE(into.length, 0);
      block.copy(scratch, LENGTH_BYTES);
      try {
        const bytes = lz4.uncompressSync(scratch.subarray(0, length));
        if (bytes.length !== into.length) return false;
        into.set(bytes);
        return true;
      } catch {
        return false;
      }
    },
  };
}
