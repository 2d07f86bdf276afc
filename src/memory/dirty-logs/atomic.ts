import { MARK_ATOMIC } from '../kernels/abi.ts';
import type { SlotLayout } from '../layout.ts';
import type { PageSet } from '../page-set.ts';
import type { DirtyLog, DirtyLogParts, MarkTarget } from './dirty-log.ts';

export function atomicMarks(layout: SlotLayout): MarkTarget {
  return { mark: MARK_ATOMIC, mapOf: () => layout.sharedMap };
}

/**
 * One bitmap for all, marked with an unconditional atomic OR after each write and harvested with an
 * atomic exchange a word: the simple reference. It needs the handshake only to start and to stop.
 */
export function atomicLog({ slot, handshake }: DirtyLogParts): DirtyLog {
  const { layout, kernels } = slot;
  let isHarvest = false;
  const collect = (target: PageSet): number => {
    const map = layout.sharedMap;
    const fresh = kernels.mergeAndClearAtomic(map, target.address, layout.mapBytes);
    target.grewBy(fresh);
    return fresh;
  };
  return {
    kind: 'atomic',
    start() {
      isHarvest = false;
      const first = layout.sharedMap >>> 2;
      slot.words.fill(0, first, first + layout.mapBytes / 4);
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
    liveMaps: () => [layout.sharedMap],
  };
}
