import { MARK_NONE } from '../kernels/abi.ts';
import { drainedMapAt, writerMapAt } from '../layout.ts';
import type { GuestPageSet } from '../guest-memory.ts';
import { clearWriterMaps } from './flip.ts';
import type { DirtyLog, DirtyLogParts, WriterMarks } from './dirty-log.ts';
import { type DrainedMaps, RingReader, RingWriter, type SharedRings } from './rings.ts';

/** Returns a vCPU's side of the log `ring`: its writes mark nothing; after a batch it pushes the newly dirty pages. */
export function ringMarks(rings: SharedRings, vcpu: number): WriterMarks {
  return {
    mark: MARK_NONE,
    mapOf: (layout, writer, epoch) => writerMapAt(layout, writer, epoch & 1),
    ring: new RingWriter(rings, vcpu),
  };
}

/**
 * The log `ring`, KVM's dirty ring (Linux, virt/kvm/dirty_ring.c): each vCPU pushes the gfn of a page when it dirties
 * the page for the first time since the last harvest, and waits when its ring is full. KVM knows a first write from
 * write protection; a vCPU here knows it from its own bitmap, of which it has two halves as in the log `bitmap`. The
 * engine drains the rings whenever it checks for news. But only a new epoch lets a vCPU push a page again (as
 * KVM_RESET_DIRTY_RINGS does), so the drained marks are kept, by half, until `collect` gives them out. Throws when
 * there are no rings.
 */
export function ringLog({ memory, handshake, rings }: DirtyLogParts): DirtyLog {
  if (!rings) throw new Error('a dirty log of kind ring needs rings, and none are given');
  const readers = Array.from(
    { length: handshake.writers - 1 },
    (_, vcpu) => new RingReader(rings, vcpu),
  );
  const maps = memory.slots.map(({ layout, words }): DrainedMaps => ({
    firstGfn: layout.firstGfn,
    endGfn: layout.firstGfn + layout.pages,
    words,
    halves: [drainedMapAt(layout, 0) >>> 2, drainedMapAt(layout, 1) >>> 2],
  }));
  const drain = (reader: RingReader, vcpu: number): void => {
    if (reader.drain(maps)) handshake.wake(vcpu + 1);
  };
  /** Moves the drained marks of a half to `target`, and clears the vCPUs' maps so that they push those pages again. */
  const collectHalf = (half: number, target: GuestPageSet): number => {
    let total = 0;
    for (const { layout, kernels, words } of memory.slots) {
      const part = target.parts[layout.index]!;
      const drained = drainedMapAt(layout, half);
      const fresh = kernels.mergeAndClear(drained, part.address, layout.mapBytes);
      part.grewBy(fresh);
      total += fresh;
      for (let writer = 0; writer < handshake.writers; writer++) {
        const first = writerMapAt(layout, writer, half) >>> 2;
        words.fill(0, first, first + layout.mapBytes / 4);
      }
    }
    return total;
  };
  return {
    kind: 'ring',
    start() {
      // The log is off and settled, so nobody pushes, and what is left from an earlier use can be cleared.
      readers.forEach((reader) => reader.clear());
      for (const slot of memory.slots) {
        clearWriterMaps(slot, handshake.writers);
        for (const half of [0, 1]) {
          const first = drainedMapAt(slot.layout, half) >>> 2;
          slot.words.fill(0, first, first + slot.layout.mapBytes / 4);
        }
      }
      handshake.bumpEpoch(1);
    },
    harvest: () => handshake.bumpEpoch(1),
    stop() {
      handshake.bumpEpoch(0);
      // A vCPU that waits for room may go on.
      readers.forEach(drain);
    },
    isSettled: () => handshake.haveAllAcknowledged(),
    collect(target) {
      readers.forEach(drain);
      return collectHalf((handshake.epoch - 1) & 1, target);
    },
    collectLast(target) {
      readers.forEach(drain);
      return collectHalf(0, target) + collectHalf(1, target);
    },
    liveMaps: ({ layout }) =>
      readers.map((_, vcpu) => writerMapAt(layout, vcpu + 1, handshake.epoch & 1)),
    makeRoom() {
      readers.forEach((reader, vcpu) => {
        if (reader.isPressing()) drain(reader, vcpu);
      });
    },
    ringCounts: () => readers.map(({ entries, stalls }) => ({ entries, stalls })),
  };
}
