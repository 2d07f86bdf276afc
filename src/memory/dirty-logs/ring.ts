import { MARK_NONE } from '../kernels/abi.ts';
import { drainedMapAt, writerMapAt } from '../layout.ts';
import type { GuestPageSet } from '../guest-memory.ts';
import { clearWriterMaps } from './flip.ts';
import type { DirtyLog, DirtyLogParts, WriterMarks } from './dirty-log.ts';
import { type DrainedMaps, RingReader, RingWriter, type SharedRings } from './rings.ts';

/** A vCPU marks nothing while it writes; what a batch has newly dirtied goes into its ring. */
export function ringMarks(rings: SharedRings, vcpu: number): WriterMarks {
  return {
    mark: MARK_NONE,
    mapOf: (layout, writer, epoch) => writerMapAt(layout, writer, epoch & 1),
    ring: new RingWriter(rings, vcpu),
  };
}

/**
 * KVM's dirty ring (Linux, virt/kvm/dirty_ring.c): each vCPU pushes the gfn of a page when it
 * dirties it for the first time since the last harvest, and waits when its ring is full. What KVM
 * knows from write protection a vCPU here knows from its own bitmap, flipped by epoch as those of
 * the log `bitmap`. The engine drains rings whenever it looks for news, but a page counts as
 * harvested only when the epoch has been flipped (KVM_RESET_DIRTY_RINGS): until then its vCPU does
 * not push it again, so what was drained is kept, by half, and given out by `collect`.
 */
export function ringLog({ memory, handshake, rings }: DirtyLogParts): DirtyLog {
  if (!rings) throw new Error('the log ring has no rings');
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
  /** Gives out what a half has gathered; its vCPUs push those pages again from now on. */
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
      // The log is off and settled, so nobody pushes: what is left from an earlier use can go.
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
      // Who waits for room may go on.
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
    tend() {
      readers.forEach((reader, vcpu) => {
        if (reader.isPressing()) drain(reader, vcpu);
      });
    },
    ringCounts: () => readers.map(({ entries, stalls }) => ({ entries, stalls })),
  };
}
