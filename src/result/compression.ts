import { sentTally, type SourceReport } from '../migration/source.ts';
import { COMPRESSORS } from '../wire/compressors/registry.ts';
import { ENCODING, type EncodingName } from '../wire/encodings.ts';
import { pagesOf } from '../wire/tally.ts';
import type { RunResult } from './schema.ts';

/** Returns what compression did, and what each encoding took beside it; nothing without an encoding that compresses. */
export function compressionOf(source: SourceReport, pageSize: number): Partial<RunResult['ram']> {
  const { compression } = source;
  if (!compression) return {};
  const { method, pages, compressedBytes, incompressiblePages, skippedPages } = compression;
  return {
    compressed: compressedPages(source),
    compression: {
      method,
      pages,
      compressedSize: compressedBytes,
      ...(compressedBytes > 0 ? { compressionRate: (pages * pageSize) / compressedBytes } : {}),
      incompressible: incompressiblePages,
      skipped: skippedPages,
    },
    encodings: encodingsOf(source),
  };
}

/** Returns the pages that were sent compressed, or as their words. */
function compressedPages(source: SourceReport): number {
  const tally = sentTally(source);
  const names = [...COMPRESSORS, 'sparse', 'words'] as const;
  return names.reduce((sum, name) => sum + pagesOf(tally, name), 0);
}

/** Lists the encodings in which pages were sent, with the time that each took. */
function encodingsOf(source: SourceReport): NonNullable<RunResult['ram']['encodings']> {
  const tally = sentTally(source);
  const { encodingNs } = source;
  const names = Object.keys(ENCODING) as EncodingName[];
  return names.flatMap((encoding) => {
    const number = ENCODING[encoding];
    const pages = tally.pages[number]!;
    const ns = encodingNs?.[number] ?? 0;
    if (pages === 0 && ns === 0) return [];
    const cpuMs = Math.round(ns / 1e3) / 1e3;
    return [{ encoding, pages, bytes: tally.bytes[number]!, ...(ns > 0 ? { cpuMs } : {}) }];
  });
}
