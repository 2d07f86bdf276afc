import { Generator } from '../../random/generator.ts';
import { MOST_BLOCK_PAGE_BYTES } from '../../wire/block-reader.ts';
import type { DrawnRun } from './draw.ts';

/** It keeps what is drawn here apart from all else that is drawn from a seed. */
const XBZRLE = 0xbe1e;

/**
 * Has a drawn run send what has changed of its pages, from a cache of a few pages or of all. Its link is slow enough for
 * pages to be sent several times. The rest of the run stays as it is.
 */
export function withXbzrle(seed: number, { config, trouble }: DrawnRun): DrawnRun {
  const random = new Generator(seed, XBZRLE);
  const one = <Value>(values: readonly Value[]): Value => values[random.below(values.length)]!;
  const { guest, link, migration } = config;
  const pageSize = Math.min(guest.pageSize, MOST_BLOCK_PAGE_BYTES);
  return {
    config: {
      ...config,
      guest: { ...guest, pageSize, backing: 'bytes' },
      link: { ...link, bytesPerSecond: Math.min(link.bytesPerSecond, one([5e6, 20e6, 60e6])) },
      migration: {
        ...migration,
        policy: one([migration.policy, 'rounds', 'rounds', 'rounds']),
        rounds: one([4, 8]),
        postcopyAfter: one([2, 3, 4]),
        algorithm: migration.freePageHints ? 'precopy' : one(['precopy', 'hybrid']),
        encodings: one([['zero', 'xbzrle'], ['xbzrle']]),
        xbzrleCacheBytes: pageSize * one([8, 64, 4096]),
      },
    },
    trouble,
  };
}
