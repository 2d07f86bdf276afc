import { MARK_PRIVATE } from '../kernels/abi.ts';
import { type SlotLayout, writerMapAt } from '../layout.ts';
import type { PageSet } from '../page-set.ts';
import type { DirtyLog, DirtyLogParts, MarkTarget } from './dirty-log.ts';

export function bitmapMarks(layout: SlotLayout): MarkTarget {
  return {
    mark: MARK_PRIVATE,
    mapOf: (writer, epoch) => writerMapAt(layout, writer, epoch & 1),
  };
}

/**
 * Two private bitmaps a writer, flipped by epoch. A harvest bumps the epoch; once every writer has
 * acknowledged, nobody marks the old halves any more and they are merged with plain loads and
 * stores. The write loop has no atomics.
 */
export function bitmapLog({ slot, handshake }: DirtyLogParts): DirtyLog {
  const { layout, kernels } = slot;
  const merge = (half: number, target: PageSet): number => {
    let fresh = 0;
    for (let writer = 0; writer < handshake.writers; writer++) {
      const map = writerMapAt(layout, writer, half);
      fresh += kernels.mergeAndClear(map, target.address, layout.mapBytes);
    }
    target.grewBy(fresh);
    return fresh;
  };
  const clearAll = (): void => {
    const first = writerMapAt(layout, 0, 0) >>> 2;
    slot.words.fill(0, first, writerMapAt(layout, handshake.writers, 0) >>> 2);
  };
  return {
    kind: 'bitmap',
    start() {
      // The log is off and settled, so nobody marks: marks left from an earlier use can go.
      clearAll();
      handshake.bumpEpoch(1);
    },
    harvest: () => handshake.bumpEpoch(1),
    stop: () => handshake.bumpEpoch(0),
    isSettled: () => handshake.haveAllAcknowledged(),
    collect: (target) => merge((handshake.epoch - 1) & 1, target),
    collectLast: (target) => merge(0, target) + merge(1, target),
    liveMaps: () =>
      Array.from({ length: handshake.writers }, (_, writer) =>
        writerMapAt(layout, writer, handshake.epoch & 1),
      ),
  };
}
