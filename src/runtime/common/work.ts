import { fillDestination, fillPages } from '../../memory/contents/contents.ts';
import type { Contents, ZeroFill } from '../../memory/contents/contents.ts';
import { replayStream } from '../../guest/replay.ts';
import { zeroPages } from '../../guest/zeroing.ts';
import type { GuestPlan } from '../../guest/stream-plan.ts';
import { slotOfStream } from '../../guest/stream-record.ts';
import { openMemory } from '../../memory/guest-memory.ts';
import { openSlot } from '../../memory/memslot.ts';
import { comparePages, type CompareResult } from './compare.ts';
import { digestChunks } from './digest.ts';
import type { SharedGuestSide } from './guest-side.ts';
import { loadImage } from './image.ts';
import type { SlotPages } from './ranges.ts';
import { type PagesToRead, readPages } from './snapshot/read-pages.ts';

/** Work on memory before and after a run, cut into pieces that threads may share: each name's task and its answer. */
export interface Work {
  readonly fill: [FillTask, void];
  readonly load: [LoadTask, string | undefined];
  readonly prefault: [RangeTask, void];
  readonly readPages: [ReadPagesTask, string | undefined];
  readonly replay: [ReplayTask, void];
  readonly compare: [CompareTask, CompareResult];
  readonly digest: [DigestTask, Uint8Array];
}

/** Runs pieces of work, in a pool of threads or in the calling thread. */
export interface WorkRunner {
  /** How many pieces it can run at a time. */
  readonly threads: number;
  run<Name extends keyof Work>(name: Name, task: Work[Name][0]): Promise<Work[Name][1]>;
}

export interface RangeTask extends SlotPages {
  readonly guestSide: SharedGuestSide;
}

export interface FillTask extends RangeTask {
  readonly contents: readonly Contents[];
  readonly seed: number;
  readonly zeros: ZeroFill;
}

/** Reads the image of one entry of `contents`; the answer says why it can't be used, or is undefined. */
export interface LoadTask {
  readonly guestSide: SharedGuestSide;
  readonly contents: readonly Contents[];
  readonly entry: number;
}

/** Reads pages of a snapshot; the answer says why it can't be done, or is undefined. */
export interface ReadPagesTask extends PagesToRead {
  readonly guestSide: SharedGuestSide;
}

export interface ReplayTask {
  readonly guestSide: SharedGuestSide;
  readonly plan: GuestPlan;
  readonly streams: readonly {
    readonly stream: number;
    /** The replay ends when the stream has made this many accesses. */
    readonly targetN: number;
    /** The pages that the memory manager zeroed, and after which access (guest/zeroing.ts has the shape). */
    readonly zeroings: readonly (readonly number[])[];
  }[];
  /** The access list of the slot that this task may use alone. */
  readonly list: number;
  readonly kernels: 'wasm' | 'twin';
}

export interface CompareTask extends SlotPages {
  readonly expected: SharedGuestSide;
  readonly found: SharedGuestSide;
}

/** Sums `bytes` bytes of a slot's RAM from byte `from` on, in chunks of `chunkBytes`; the answer has a sum for each. */
export interface DigestTask {
  readonly guestSide: SharedGuestSide;
  readonly slot: number;
  readonly from: number;
  readonly bytes: number;
  readonly chunkBytes: number;
}

export type WorkHandlers = {
  readonly [Name in keyof Work]: (task: Work[Name][0]) => Work[Name][1] | Promise<Work[Name][1]>;
};

export const workHandlers: WorkHandlers = {
  fill({ guestSide, contents, seed, zeros, ...range }) {
    const slot = openSlot(guestSide.slots[range.slot]!);
    fillPages(slot, contents, seed, range.firstPage, range.pages, zeros);
  },
  load: ({ guestSide, contents, entry }) => loadImage(openMemory(guestSide.slots), contents, entry),
  prefault({ guestSide, slot, firstPage, pages }) {
    const { ram, layout } = openSlot(guestSide.slots[slot]!);
    const { storedBytes } = layout;
    fillDestination(ram.subarray(firstPage * storedBytes, (firstPage + pages) * storedBytes));
  },
  readPages: ({ guestSide, ...pages }) => readPages(guestSide, pages),
  replay({ guestSide, plan, streams, list, kernels }) {
    const memory = openMemory(guestSide.slots, kernels);
    for (const { stream, targetN, zeroings } of streams) {
      const slot = slotOfStream(memory, plan, stream);
      for (const [n, , page, pages] of zeroings) {
        replayStream(slot, stream, n!, list);
        zeroPages(slot, page!, pages!);
      }
      replayStream(slot, stream, targetN, list);
    }
  },
  compare: ({ expected, found, slot, firstPage, pages }) =>
    comparePages(openSlot(expected.slots[slot]!), openSlot(found.slots[slot]!), firstPage, pages),
  digest({ guestSide, slot, from, bytes, chunkBytes }) {
    const { ram } = openSlot(guestSide.slots[slot]!);
    return digestChunks(ram.subarray(from, from + bytes), chunkBytes);
  },
};

/** Runs every piece of work in the calling thread. */
export const inlineRunner: WorkRunner = {
  threads: 1,
  run: async (name, task) => workHandlers[name](task),
};
