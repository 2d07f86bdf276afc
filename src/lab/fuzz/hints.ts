import { Generator } from '../../random/generator.ts';
import type { DrawnRun } from './draw.ts';
import { managed } from './managed.ts';

/** It keeps what is drawn here apart from all else that is drawn from a seed. */
const HINTS = 0x41171;

/**
 * Gives the guest of a drawn run a memory manager that hints its free pages, in small blocks, and makes the run a
 * pre-copy over a link that is slow enough for hints to come in time. The rest of the run stays as it is.
 */
export function withHints(seed: number, { config, trouble }: DrawnRun): DrawnRun {
  const random = new Generator(seed, HINTS);
  const one = <Value>(values: readonly Value[]): Value => values[random.below(values.length)]!;
  const guest = managed(seed, config.guest, true);
  const { memoryManager } = guest;
  if (!memoryManager) return { config, trouble };
  const freesNs = one([1e6, 3e6, 20e6]);
  return {
    config: {
      ...config,
      costs: {
        ...config.costs,
        hintBlockNs: one([0, 1000, 30_000]),
        hintClearNs: one([0, 500, 50_000, 400_000]),
      },
      guest: {
        ...guest,
        workloads: guest.workloads.map((workload) => ({ ...workload, freesNs })),
        memoryManager: {
          ...memoryManager,
          release: one(['none', 'none', 'none', 'none', 'free']),
          hintBlockPages: one([1, 2, 4, 8]),
        },
      },
      link: {
        ...config.link,
        bytesPerSecond: Math.min(config.link.bytesPerSecond, one([40e6, 125e6])),
      },
      migration: {
        ...config.migration,
        policy: one([config.migration.policy, 'rounds']),
        rounds: one([2, 5]),
        algorithm: 'precopy',
        freePageHints: true,
      },
    },
    trouble,
  };
}
