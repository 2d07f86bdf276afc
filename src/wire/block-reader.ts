import { COMPARE_BYTES, scratchAreas } from '../memory/layout.ts';
import type { Memslot } from '../memory/memslot.ts';
import { ENCODING } from './encodings.ts';
import type { Frame } from './frame.ts';
import type { InstallGate } from './install.ts';
import { COUNT_MASK, ENCODING_SHIFT } from './pages.ts';
import { applyXorRuns } from './xor-runs.ts';

/** Larger pages than this are not made of differences, since they are put together in a memslot's scratch area. */
export const MOST_BLOCK_PAGE_BYTES = COMPARE_BYTES;

/** Where the parts of a page frame lie that concern blocks of differences, as addresses in the frame's memory. */
export interface BlockParts {
  readonly runsAt: number;
  readonly runs: number;
  /** The sums of the pages with encoding `xbzrle` or `same`; absent if the frame has no sums. */
  readonly sumsAt: number | undefined;
  readonly lengthsAt: number;
  readonly blocksAt: number;
}

/**
 * Checks that each page that is to be made of its old bytes and a block of differences, or is to stay as it is, comes to
 * its sum here. It writes no page. Returns the sentence that says what is wrong, or undefined.
 */
export function blockProblem(slot: Memslot, frame: Frame, parts: BlockParts): string | undefined {
  const { layout, kernels, words, ram, buffer } = slot;
  const { pageSize } = layout;
  const { compare, hash } = scratchAreas(layout);
  const made = new Uint8Array(buffer, compare, pageSize);
  const { view, bytes } = frame.memory;
  let problem: string | undefined;
  let sumAt = parts.sumsAt;
  eachBlock(frame, parts, (page, blockAt, blockEnd) => {
    if (problem !== undefined) return;
    made.set(ram.subarray(page * pageSize, (page + 1) * pageSize));
    if (!applyXorRuns(made, bytes, blockAt, blockEnd)) {
      problem = `the differences of page ${page} are damaged`;
      return;
    }
    if (sumAt === undefined) return;
    kernels.pageHash(compare, pageSize, hash);
    const isEqual =
      words[hash >>> 2]! >>> 0 === view.getUint32(sumAt, true) &&
      words[(hash >>> 2) + 1]! >>> 0 === view.getUint32(sumAt + 4, true);
    if (!isEqual) {
      problem = `page ${page} does not come to its sum with what has changed of it: it was damaged on the way, or here`;
    }
    sumAt += 8;
  });
  return problem;
}

/** Installs the pages that `blockProblem` has checked, unless the gate refuses them; returns how many it has refused. */
export function installBlocks(
  slot: Memslot,
  frame: Frame,
  parts: BlockParts,
  gate: InstallGate | undefined,
): number {
  const { pageSize } = slot.layout;
  let droppedPages = 0;
  eachBlock(frame, parts, (page, blockAt, blockEnd) => {
    if (gate && !gate.claim(slot, page, false)) {
      droppedPages++;
      return;
    }
    const kept = slot.ram.subarray(page * pageSize, (page + 1) * pageSize);
    applyXorRuns(kept, frame.memory.bytes, blockAt, blockEnd);
    gate?.publish(slot, page);
  });
  return droppedPages;
}

/**
 * Calls `take` for each page of a frame with encoding `xbzrle` or `same`, in the order of the runs, with the bytes
 * [blockAt, blockEnd) of its block, which is empty for `same`.
 */
function eachBlock(
  { memory: { view } }: Frame,
  { runsAt, runs, lengthsAt, blocksAt }: BlockParts,
  take: (page: number, blockAt: number, blockEnd: number) => void,
): void {
  let lengthAt = lengthsAt;
  let from = blocksAt;
  for (let i = 0; i < runs; i++) {
    const first = view.getUint32(runsAt + 8 * i, true);
    const word = view.getUint32(runsAt + 8 * i + 4, true);
    const encoding = word >>> ENCODING_SHIFT;
    if (encoding !== ENCODING.xbzrle && encoding !== ENCODING.same) continue;
    for (let page = first; page < first + (word & COUNT_MASK); page++) {
      let length = 0;
      if (encoding === ENCODING.xbzrle) {
        length = view.getUint32(lengthAt, true);
        lengthAt += 4;
      }
      take(page, from, from + length);
      from += length;
    }
  }
}
