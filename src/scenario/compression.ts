import { parseSize, formatSize } from '../units/size.ts';
import { COMPRESSORS, levelsOf } from '../wire/compressors/registry.ts';
import { compressorOf } from '../wire/encodings.ts';
import { BATCH_BYTES, MAX_WHOLE_PAGE } from '../wire/limits.ts';
import type { Problem } from './problem.ts';
import { NEEDS_BYTES } from './references.ts';
import type { Scenario } from './schema.ts';

/** Checks that pages can be compressed as a migration asks for it. */
export function checkCompression({ guest, migration }: Scenario, pageSize: number): Problem[] {
  const { encodings, compressionLevel, compressionBlock } = migration;
  const method = compressorOf(encodings);
  if (!method) return [];
  const other = encodings.findIndex(
    (one) => one !== method && COMPRESSORS.some((name) => name === one),
  );
  if (other >= 0) {
    const sentence = `pages are compressed by one method: leave out ${method} or ${encodings[other]!}`;
    return [{ path: ['migration', 'encodings', other], sentence }];
  }
  const named = encodings.indexOf(method);
  const index = named < 0 ? encodings.indexOf('mecom') : named;
  const path = ['migration', 'encodings', index];
  if (guest.backing === 'versions') {
    return [{ path, sentence: `${encodings[index]!} ${NEEDS_BYTES} guest.backing: bytes` }];
  }
  if (pageSize > MAX_WHOLE_PAGE) {
    const sentence = `${encodings[index]!} has no effect on pages above ${formatSize(MAX_WHOLE_PAGE)}, which travel in parts: leave it out, or choose a smaller guest.pageSize`;
    return [{ path, sentence }];
  }
  const high = levelsOf(method)?.high ?? Infinity;
  if (compressionLevel !== undefined && compressionLevel > high) {
    const sentence = `${method} has levels from 1 to ${high}, got ${compressionLevel}`;
    return [{ path: ['migration', 'compressionLevel'], sentence }];
  }
  if (compressionBlock === undefined) return [];
  const bytes = parseSize(compressionBlock);
  const most = Math.max(pageSize, BATCH_BYTES);
  if (bytes % pageSize === 0 && bytes <= most) return [];
  const sentence = `expected whole pages of ${formatSize(pageSize)}, ${formatSize(most)} at most, which is what a frame carries; got ${compressionBlock}`;
  return [{ path: ['migration', 'compressionBlock'], sentence }];
}
