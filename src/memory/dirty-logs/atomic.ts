import { MARK_ATOMIC } from '../kernels/abi.ts';
import type { DirtyLog, DirtyLogParts, WriterMarks } from './dirty-log.ts';

/** How a writer marks pages for the log `atomic`: with an atomic OR in the slot's shared map. */
export const atomicMarks: WriterMarks = {
  mark: MARK_ATOMIC,
  mapOf: (layout) => layout.sharedMap,
};

/**
 * The log `atomic`, a simple reference for the others: all writers share one bitmap in each slot. They mark a page
 * with an unconditional atomic OR after each write, and a harvest takes each word with an atomic exchange. The log
 * needs the handshake only to start and to stop.
 */
export function atomicLog({ memory, handshake }: DirtyLogParts): DirtyLog {
  let isHarvest = false;
  const collect: DirtyLog['collect'] = (target) => {
    let total = 0;
    for (const { kernels, layout } of memory.slots) {
      const part = target.parts[layout.index]!;
      const fresh = kernels.mergeAndClearAtomic(layout.sharedMap, part.address, layout.mapBytes);
      part.grewBy(fresh);
      total += fresh;
    }
    return total;
  };
  return {
    kind: 'atomic',
    start() {
      isHarvest = false;
      for (const { words, layout } of memory.slots) {
        const first = layout.sharedMap >>> 2;
        words.fill(0, first, first + layout.mapBytes / 4);
      }
      handshake.bumpEpoch(1);
    },
    harvest() {
      isHarvest = true;
    },
    stop() {
      isHarvest = false;
      handshake.bumpEpoch(0);
    },
    isSettled: () => isHarvest || handshake.haveAllAcknowledged(),
    collect,
    collectLast: collect,
    liveMaps: ({ layout }) => [layout.sharedMap],
    makeRoom: () => undefined,
    ringCounts: () => [],
  };
}
