import type { SourceOptions } from '../../../migration/source-options.ts';
import { sourceOptions } from '../../../migration/spec/wiring.ts';
import type { GuestMemory } from '../../../memory/guest-memory.ts';
import type { SaveMode } from '../../../snapshot/format.ts';
import { MAX_WHOLE_PAGE } from '../../../wire/limits.ts';
import type { RunConfig } from '../../config.ts';

/** Something in a scenario that a save can't take: the key, and why. */
export interface SaveProblem {
  readonly key: string;
  readonly sentence: string;
}

/** Says what of a guest can't be saved to a file; undefined when everything can. */
export function saveProblem({ guest }: RunConfig): SaveProblem | undefined {
  if (guest.backing === 'versions') {
    return { key: 'guest.backing', sentence: 'a file needs the bytes of pages: set it to bytes' };
  }
  if (guest.memoryManager) {
    return {
      key: 'guest.memoryManager',
      sentence: 'what a memory manager knows of its pages is not saved: leave it out',
    };
  }
  if (guest.devices && guest.devices.length > 0) {
    return { key: 'guest.devices', sentence: 'the state of devices is not saved: leave them out' };
  }
  if (guest.pageSize > MAX_WHOLE_PAGE) {
    return { key: 'guest.pageSize', sentence: 'pages of more than 2 MiB are not saved' };
  }
  return undefined;
}

/**
 * Returns the configuration of the migration to a file: stop-and-copy for an offline save, pre-copy for a live one.
 * A page is sent with its bytes or as a zero page, because every page has its place in the file.
 */
export function saveConfig(config: RunConfig, mode: SaveMode): RunConfig {
  const { force: _force, freePageHints: _hints, ...rest } = config.migration;
  // A save has channels of its own, which write to the file.
  const { channels: _channels, zeroPageDetection: _detection, ...migration } = rest;
  const algorithm = mode === 'live' ? 'precopy' : 'stop-and-copy';
  return {
    ...config,
    // In real time the file itself says how fast it takes bytes; on a virtual clock the link stands for the disk.
    link: {
      ...config.link,
      integrity: 'header',
      bytesPerSecond: config.runtime === 'threads' ? Infinity : config.link.bytesPerSecond,
      latencyNs: config.runtime === 'threads' ? 0 : config.link.latencyNs,
    },
    migration: { ...migration, algorithm, encodings: ['zero'] },
  };
}

/** Returns the options of the source's half of a save. */
export function saveOptions(
  { link, migration }: Pick<RunConfig, 'link' | 'migration'>,
  memory: GuestMemory,
): SourceOptions {
  const { sendBufferBytes: _ahead, ...disk } = link;
  return sourceOptions(disk, migration, memory);
}
