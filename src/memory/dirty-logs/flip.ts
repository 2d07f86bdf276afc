import { MARK_BYTE, MARK_PRIVATE } from '../kernels/abi.ts';
import { writerMapAt } from '../layout.ts';
import type { GuestPageSet } from '../guest-memory.ts';
import type { Memslot } from '../memslot.ts';
import type { DirtyLog, DirtyLogParts, WriterMarks } from './dirty-log.ts';

const mapOf: WriterMarks['mapOf'] = (layout, writer, epoch) =>
  writerMapAt(layout, writer, epoch & 1);

export const bitmapMarks: WriterMarks = { mark: MARK_PRIVATE, mapOf };
export const bytemapMarks: WriterMarks = { mark: MARK_BYTE, mapOf };

/**
 * Two private maps a writer, flipped by epoch. A harvest bumps the epoch; once every writer has
 * acknowledged, nobody marks the old halves any more and they are merged with plain loads and
 * stores. The write loop has no atomics. A page takes a bit (`bitmap`) or a byte (`bytemap`: a mark
 * is a store without a load, for eight times the map).
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
      // The log is off and settled, so nobody marks: marks left from an earlier use can go.
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
    tend: () => undefined,
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
