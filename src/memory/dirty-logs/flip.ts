import { MARK_BYTE, MARK_PRIVATE } from '../kernels/abi.ts';
import { writerMapAt } from '../layout.ts';
import type { GuestPageSet } from '../guest-memory.ts';
import type { Memslot } from '../memslot.ts';
import type { DirtyLog, DirtyLogParts, WriterMarks } from './dirty-log.ts';

const mapOf: WriterMarks['mapOf'] = (layout, writer, epoch) =>
  writerMapAt(layout, writer, epoch & 1);

/** How writers mark pages for the logs `bitmap` and `bytemap`: in the map of the epoch that is their own. */
export const bitmapMarks: WriterMarks = { mark: MARK_PRIVATE, mapOf };
export const bytemapMarks: WriterMarks = { mark: MARK_BYTE, mapOf };

/**
 * The logs `bitmap` and `bytemap`: each writer has two private maps, the halves, and marks the one of the epoch modulo
 * 2. A harvest opens a new epoch. Once every writer has acknowledged it, nobody marks the old halves any more, and they
 * are merged with plain loads and stores; the write loop has no atomics. In a `bitmap` a page takes a bit. In a
 * `bytemap` it takes a byte: the map is eight times as large, but to mark a page is a store without a load.
 */
export function flipLog(kind: 'bitmap' | 'bytemap', parts: DirtyLogParts): DirtyLog {
  const { memory, handshake } = parts;
  const merge = (half: number, target: GuestPageSet): number => {
    let total = 0;
    for (const slot of memory.slots) {
      const part = target.parts[slot.layout.index]!;
      let fresh = 0;
      for (let writer = 0; writer < handshake.writers; writer++) {
        const map = writerMapAt(slot.layout, writer, half);
        fresh += mergeMap(kind, slot, map, part.address);
      }
      part.grewBy(fresh);
      total += fresh;
    }
    return total;
  };
  return {
    kind,
    start() {
      // The log is off and settled, so nobody marks, and marks left from an earlier use can be cleared.
      for (const slot of memory.slots) clearWriterMaps(slot, handshake.writers);
      handshake.bumpEpoch(1);
    },
    harvest: () => handshake.bumpEpoch(1),
    stop: () => handshake.bumpEpoch(0),
    isSettled: () => handshake.haveAllAcknowledged(),
    collect: (target) => merge((handshake.epoch - 1) & 1, target),
    collectLast: (target) => merge(0, target) + merge(1, target),
    liveMaps: ({ layout }) =>
      Array.from({ length: handshake.writers }, (_, writer) =>
        writerMapAt(layout, writer, handshake.epoch & 1),
      ),
    makeRoom: () => undefined,
    ringCounts: () => [],
  };
}

function mergeMap(kind: 'bitmap' | 'bytemap', slot: Memslot, map: number, to: number): number {
  const { kernels, layout } = slot;
  if (kind === 'bitmap') return kernels.mergeAndClear(map, to, layout.mapBytes);
  return kernels.mergeAndClearBytes(map, to, layout.mapBytes);
}

/** Clears both halves of every writer's map of a slot. */
export function clearWriterMaps({ layout, words }: Memslot, writers: number): void {
  words.fill(0, writerMapAt(layout, 0, 0) >>> 2, writerMapAt(layout, writers, 0) >>> 2);
}
