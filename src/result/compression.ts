import { sentTally, type SourceReport } from '../migration/source.ts';
import { ENCODING, type EncodingName } from '../wire/encodings.ts';
import type { RunResult } from './schema.ts';

/** Returns what compression did, and what each encoding took beside it; nothing without an encoding that compresses. */
export function compressionOf(source: SourceReport, pageSize: number): Partial<RunResult['ram']> {
  const { compression } = source;
  if (!compression) return {};
  const { method, pages, compressedBytes, incompressiblePages, skippedPages } = compression;
  return {
    compressed: pages,
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
