import { Generator } from '../../random/generator.ts';
import { MOST_BLOCK_PAGE_BYTES } from '../../wire/block-reader.ts';
import { COMPRESSORS, levelsOf } from '../../wire/compressors/registry.ts';
import type { ChosenEncoding } from '../../wire/encodings.ts';
import { BATCH_BYTES } from '../../wire/limits.ts';
import type { RunConfig } from '../../runtime/config.ts';
import type { DrawnRun } from './draw.ts';

/** It keeps what is drawn here apart from all else that is drawn from a seed. */
const ENCODINGS = 0xe2c0;

/**
 * Has a drawn run compress its pages, by any method at a low level, in blocks of any size, with the other encodings that
 * may stand beside it. The rest of the run stays as it is, but for pages that are too large.
 */
export const withEncodings = (seed: number, { config, trouble }: DrawnRun): DrawnRun => ({
  config: encoded(seed, config),
  trouble,
});

/** Does that to a configuration. */
export function encoded(seed: number, config: RunConfig): RunConfig {
  const random = new Generator(seed, ENCODINGS);
  const one = <Value>(values: readonly Value[]): Value => values[random.below(values.length)]!;
  const { guest, link, migration } = config;
  const method = one(COMPRESSORS);
  const hasXbzrle = random.below(2) === 0;
  const mostPageBytes = hasXbzrle ? MOST_BLOCK_PAGE_BYTES : 65_536;
  const pageSize = Math.min(guest.pageSize, mostPageBytes);
  const encodings: ChosenEncoding[] = [
    ...(random.below(4) > 0 ? ['zero' as const] : []),
    ...(hasXbzrle ? ['xbzrle' as const] : []),
    ...(random.below(3) === 0 && link.integrity === 'full' ? ['reference' as const] : []),
    method,
    ...(random.below(4) === 0 ? ['mecom' as const] : []),
  ];
  const algorithm = migration.freePageHints ? 'precopy' : one(['precopy', 'hybrid'] as const);
  const rates = hasXbzrle ? [3e5, 1e6, 4e6] : [5e6, 20e6, 60e6, 4e8];
  const level = levelsOf(method) ? { compressionLevel: one([1, 1, 2, 4]) } : {};
  return {
    ...config,
    guest: { ...guest, pageSize, backing: 'bytes' },
    link: { ...link, bytesPerSecond: Math.min(link.bytesPerSecond, one(rates)) },
    migration: {
      ...migration,
      policy: one([migration.policy, 'rounds']),
      rounds: one([2, 4, 8]),
      // A page is sent three times before its differences are.
      ...(hasXbzrle ? { policy: 'rounds', rounds: 6, postcopyAfter: 4, algorithm } : {}),
      encodings,
      ...level,
      compressionBlockBytes: pageSize * one([1, 2, 7, Math.max(1, BATCH_BYTES / pageSize)]),
    },
  };
}
