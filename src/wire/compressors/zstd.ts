import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Compressor } from './compressor.ts';

/** A function of libzstd (zstd.h): numbers are addresses in its own memory, or counts; a count below 0 is an error. */
type Function = (...values: number[]) => number;

/** What Emscripten's glue around libzstd has, besides its functions under their names in C. */
interface Glue {
  readonly HEAPU8: Uint8Array;
  /** Instantiates the library, in place of the glue's own way, which is asynchronous. */
  instantiateWasm(
    imports: Readonly<Record<string, Readonly<Record<string, () => unknown>>>>,
    receive: (instance: WebAssembly.Instance) => unknown,
  ): unknown;
  init(): void;
}

const functionOf = (glue: Glue, name: string): Function =>
  (glue as unknown as Readonly<Record<string, Function>>)[`_${name}`]!;

/** The library of a thread, with its contexts and room for one block, which all compressors use in turn. */
class Library {
  readonly #glue: Glue;
  readonly #malloc: Function;
  readonly #free: Function;
  readonly #bound: Function;
  readonly #compress: Function;
  readonly #decompress: Function;
  readonly #compressing: number;
  readonly #decompressing: number;
  #roomBytes = 0;
  #plainAt = 0;
  #packedAt = 0;

  constructor(glue: Glue) {
    this.#glue = glue;
    this.#malloc = functionOf(glue, 'malloc');
    this.#free = functionOf(glue, 'free');
    this.#bound = functionOf(glue, 'ZSTD_compressBound');
    // These are the functions of the package that take a context; a dictionary of no bytes is none.
    this.#compress = functionOf(glue, 'ZSTD_compress_usingDict');
    this.#decompress = functionOf(glue, 'ZSTD_decompress_usingDict');
    this.#compressing = functionOf(glue, 'ZSTD_createCCtx')();
    this.#decompressing = functionOf(glue, 'ZSTD_createDCtx')();
  }

  compress(bytes: Uint8Array, level: number): Uint8Array {
    this.#reserve(bytes.length);
    const [to, from, most] = [this.#packedAt, this.#plainAt, this.#bound(this.#roomBytes)];
    this.#glue.HEAPU8.set(bytes, from);
    const length = this.#compress(this.#compressing, to, most, from, bytes.length, 0, 0, level);
    if (length < 0) throw new Error(`libzstd could not compress a block: error ${-length}`);
    return this.#glue.HEAPU8.subarray(to, to + length);
  }

  decompress(block: Uint8Array, into: Uint8Array): boolean {
    this.#reserve(into.length);
    if (block.length > this.#bound(this.#roomBytes)) return false;
    const [from, to, most] = [this.#packedAt, this.#plainAt, into.length];
    this.#glue.HEAPU8.set(block, from);
    const length = this.#decompress(this.#decompressing, to, most, from, block.length, 0, 0);
    if (length !== into.length) return false;
    into.set(this.#glue.HEAPU8.subarray(to, to + length));
    return true;
  }

  /** Makes room for a block of so many bytes, and for its compressed form. */
  #reserve(bytes: number): void {
    if (bytes <= this.#roomBytes) return;
    this.#free(this.#plainAt);
    this.#free(this.#packedAt);
    this.#roomBytes = bytes;
    this.#plainAt = this.#malloc(bytes);
    this.#packedAt = this.#malloc(this.#bound(bytes));
  }
}

let library: Library | undefined;

/** The package's own functions make a context for each block. The library is loaded when it is first needed. */
function load(): Library {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('@bokuweb/zstd-wasm'));
  const { Module: glue } = require(join(folder, 'zstd.js')) as { readonly Module: Glue };
  const wasm = new WebAssembly.Module(readFileSync(join(folder, 'zstd.wasm')));
  glue.instantiateWasm = (imports, receive) => receive(new WebAssembly.Instance(wasm, imports));
  glue.init();
  return new Library(glue);
}

/** Opens Zstandard (RFC 8878), compiled to WebAssembly. */
export function zstdCompressor(level: number): Compressor {
  return {
    compress: (bytes) => (library ??= load()).compress(bytes, level),
    decompress(block, into) {
      try {
        return (library ??= load()).decompress(block, into);
      } catch (error) {
        if ((error as Error).name !== 'RuntimeError') throw error;
        // The library has stopped in the middle of its work, and is loaded anew for the next block.
        library = undefined;
        return false;
      }
    },
  };
}
