import { type CompressorName, levelsOf } from '../wire/compressors/registry.ts';
import { compressorOf, ENCODING } from '../wire/encodings.ts';
import { BATCH_BYTES } from '../wire/limits.ts';
import type { MigrationSpec } from '../migration/spec/migration-spec.ts';
import type { Costs } from './costs.ts';

/** How long a virtual machine takes to compress pages, and to take blocks of them apart. */
export interface CompressionCosts {
  readonly encoding: number;
  /** Returns how long pages take that are compressed as so many blocks, whether or not that was worth it. */
  compressNs(pages: number, blocks: number, pageSize: number): number;
  /** Returns how long the compressed pages of a frame take. */
  decompressNs(pages: number, pageSize: number): number;
}

/** The times of a method: of a block, and of a page of 4 KiB in it, to be compressed by level, and to be decompressed. */
interface MethodCosts {
  readonly blockNs: number;
  readonly compressNs: readonly number[];
  readonly unpackBlockNs: number;
  readonly decompressNs: number;
}

/** Costs of a page hold for this many bytes. */
const COSTED_PAGE = 4096;

/**
 * The CPU times of liblz4 1.9.4, libzstd 1.5.4 and the zlib of Node 20.20 for 4000 pages of a real guest that are not
 * zero, on a busy machine with an AMD Zen processor. docs/encodings.md says how they were measured.
 */
const METHODS: Readonly<Record<CompressorName, MethodCosts>> = {
  zlib: {
    blockNs: 16_000,
    compressNs: [39_000, 43_000, 49_000, 57_000, 75_000, 94_000, 117_000, 223_000, 307_000],
    unpackBlockNs: 15_000,
    decompressNs: 8000,
  },
  lz4: { blockNs: 200, compressNs: [4900], unpackBlockNs: 0, decompressNs: 1060 },
  zstd: {
    blockNs: 4800,
    compressNs: [
      9600, 11_300, 14_800, 18_800, 26_700, 37_000, 48_000, 50_000, 59_000, 76_000, 176_000,
      225_000, 275_000, 464_000, 636_000, 733_000, 833_000, 851_000, 1_730_000,
    ],
    unpackBlockNs: 2300,
    decompressNs: 2900,
  },
};

/** Returns what compression costs in a migration; undefined if it compresses no pages. */
export function compressionCosts(
  { encodings, compressionLevel, compressionBlockBytes = BATCH_BYTES }: MigrationSpec,
  { compressNs, decompressNs }: Costs,
): CompressionCosts | undefined {
  const method = compressorOf(encodings);
  if (!method) return undefined;
  const { low, usual } = levelsOf(method) ?? { low: 1, usual: 1 };
  const costs = METHODS[method];
  const pageNs = compressNs ?? costs.compressNs[(compressionLevel ?? usual) - low]!;
  const blockNs = compressNs === undefined ? costs.blockNs : 0;
  const unpackNs = decompressNs ?? costs.decompressNs;
  const unpackBlockNs = decompressNs === undefined ? costs.unpackBlockNs : 0;
  return {
    encoding: ENCODING[method],
    compressNs: (pages, blocks, pageSize) =>
      blocks * blockNs + (pages * pageSize * pageNs) / COSTED_PAGE,
    decompressNs(pages, pageSize) {
      const bytes = pages * pageSize;
      const blocks = Math.ceil(bytes / Math.max(pageSize, compressionBlockBytes));
      return blocks * unpackBlockNs + (bytes * unpackNs) / COSTED_PAGE;
    },
  };
}
