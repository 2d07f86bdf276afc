import { copyBytes } from '../memory/copy.ts';
import { COMPARE_BYTES, scratchAreas } from '../memory/layout.ts';
import type { Memslot } from '../memory/memslot.ts';
import { ENCODING, hasOwnBlock, isWordCoded } from './encodings.ts';
import type { Frame } from './frame.ts';
import type { InstallGate } from './install.ts';
import { COUNT_MASK, ENCODING_SHIFT } from './pages.ts';
import type { Unpacker } from './unpacker.ts';
import { applyXorRuns } from './xor-runs.ts';

/** Larger pages than this are not made of differences, since they are put together in a memslot's scratch area. */
export const MOST_BLOCK_PAGE_BYTES = COMPARE_BYTES;

/** Where the parts of a page frame lie that concern pages sent as blocks, as addresses in the frame's memory. */
export interface BlockParts {
  readonly runsAt: number;
  readonly runs: number;
  /** The sums of the pages that are sent as blocks; absent if the frame has no sums. */
  readonly sumsAt: number | undefined;
  /** The lengths of the blocks: those of single pages come first. */
  readonly lengthsAt: number;
  readonly blocksAt: number;
  /** How many pages have a block each, and how many come compressed in blocks. */
  readonly ownBlocks: number;
  readonly packedPages: number;
}

/** A page that a frame brings in a block. */
interface BlockPage {
  page: number;
  encoding: number;
  /** Its index in the unpacker, if it is made there. */
  made: number;
  /** The bytes of its own block, [blockAt, blockEnd) of the frame's memory; none if it has none. */
  blockAt: number;
  blockEnd: number;
  /** Where its sum stands. */
  sumAt: number;
}

/**
 * Checks that each page that comes as a block comes to its sum here. It writes no page, but keeps those that do not
 * depend on what the page was in the unpacker for `installBlocks`. Returns the sentence that says what is wrong, or undefined.
 */
export function blockProblem(
  slot: Memslot,
  frame: Frame,
  parts: BlockParts,
  unpacker: Unpacker | undefined,
): string | undefined {
  const hasSums = parts.sumsAt !== undefined;
  const damaged = unpackProblem(frame, parts, unpacker);
  if (damaged !== undefined) return damaged;
  let problem: string | undefined;
  eachBlockPage(frame, parts, (one) => {
    const { page, encoding } = one;
    const { view } = frame.memory;
    if (encoding === ENCODING.xbzrle || encoding === ENCODING.same) {
      problem = differencesProblem(slot, frame, one, hasSums);
    } else {
      const { bytes } = frame.memory;
      const block = bytes.subarray(one.blockAt, one.blockEnd);
      if (isWordCoded(encoding) && !unpacker!.unpackWords(block, one.made, encoding)) {
        problem = `the words of page ${page} are damaged`;
        return false;
      }
      if (!hasSums) return true;
      const [low, high] = [view.getUint32(one.sumAt, true), view.getUint32(one.sumAt + 4, true)];
      const isEqual = unpacker!.hasSum(one.made, low, high);
      if (!isEqual)
        problem = `compressed page ${page} does not come to its sum: it was damaged on the way`;
    }
    return problem === undefined;
  });
  return problem;
}

/** Takes all compressed blocks of a frame apart; returns what is wrong, or undefined. */
function unpackProblem(
  { memory }: Frame,
  parts: BlockParts,
  unpacker: Unpacker | undefined,
): string | undefined {
  const { packedPages } = parts;
  if (packedPages === 0 || !unpacker) return undefined;
  let lengthAt = parts.lengthsAt;
  let from = parts.blocksAt;
  for (let i = 0; i < parts.ownBlocks; i++, lengthAt += 4) {
    from += memory.view.getUint32(lengthAt, true);
  }
  for (let first = 0; first < packedPages; first += unpacker.blockPages, lengthAt += 4) {
    const length = memory.view.getUint32(lengthAt, true);
    const block = memory.bytes.subarray(from, from + length);
    if (!unpacker.unpack(block, first, packedPages)) {
      return `compressed block ${first / unpacker.blockPages} is damaged, or does not hold its pages`;
    }
    from += length;
  }
  return undefined;
}

/** Makes a page of its old bytes and its differences in the slot's scratch area; returns what is wrong, or undefined. */
function differencesProblem(
  slot: Memslot,
  { memory: { view, bytes } }: Frame,
  { page, blockAt, blockEnd, sumAt }: BlockPage,
  hasSums: boolean,
): string | undefined {
  const { layout, kernels, words, ram, buffer } = slot;
  const { pageSize } = layout;
  const { compare, hash } = scratchAreas(layout);
  const made = new Uint8Array(buffer, compare, pageSize);
  made.set(ram.subarray(page * pageSize, (page + 1) * pageSize));
  if (!applyXorRuns(made, bytes, blockAt, blockEnd)) {
    return `the differences of page ${page} are damaged`;
  }
  if (!hasSums) return undefined;
  kernels.pageHash(compare, pageSize, hash);
  const isEqual =
    words[hash >>> 2]! >>> 0 === view.getUint32(sumAt, true) &&
    words[(hash >>> 2) + 1]! >>> 0 === view.getUint32(sumAt + 4, true);
  if (isEqual) return undefined;
  return `page ${page} does not come to its sum with what has changed of it: it was damaged on the way, or here`;
}

/** Installs the pages that `blockProblem` has checked, unless the gate refuses them; returns how many it has refused. */
export function installBlocks(
  slot: Memslot,
  frame: Frame,
  parts: BlockParts,
  gate: InstallGate | undefined,
  unpacker: Unpacker | undefined,
): number {
  const { pageSize } = slot.layout;
  let droppedPages = 0;
  eachBlockPage(frame, parts, ({ page, encoding, made, blockAt, blockEnd }) => {
    if (gate && !gate.claim(slot, page, false)) {
      droppedPages++;
      return true;
    }
    if (encoding === ENCODING.xbzrle || encoding === ENCODING.same) {
      const kept = slot.ram.subarray(page * pageSize, (page + 1) * pageSize);
      applyXorRuns(kept, frame.memory.bytes, blockAt, blockEnd);
    } else {
      copyBytes(slot.ram, page * pageSize, unpacker!.pageAt(made));
    }
    gate?.publish(slot, page);
    return true;
  });
  return droppedPages;
}

/** Calls `take` for each page of a frame that comes as a block, in the order of the runs, until it returns false. */
function eachBlockPage(
  { memory: { view } }: Frame,
  { runsAt, runs, lengthsAt, blocksAt, packedPages, sumsAt = 0 }: BlockParts,
  take: (one: BlockPage) => boolean,
): void {
  const one = {
    page: 0,
    encoding: 0,
    made: 0,
    blockAt: blocksAt,
    blockEnd: blocksAt,
    sumAt: sumsAt,
  };
  let lengthAt = lengthsAt;
  let packed = 0;
  let coded = packedPages;
  for (let i = 0; i < runs; i++) {
    const first = view.getUint32(runsAt + 8 * i, true);
    const word = view.getUint32(runsAt + 8 * i + 4, true);
    one.encoding = word >>> ENCODING_SHIFT;
    if (one.encoding === ENCODING.raw || one.encoding === ENCODING.zero) continue;
    const hasBlock = hasOwnBlock(one.encoding);
    const isMade = one.encoding !== ENCODING.xbzrle && one.encoding !== ENCODING.same;
    for (one.page = first; one.page < first + (word & COUNT_MASK); one.page++) {
      one.blockAt = one.blockEnd;
      if (hasBlock) {
        one.blockEnd += view.getUint32(lengthAt, true);
        lengthAt += 4;
      }
      if (isMade) one.made = hasBlock ? coded++ : packed++;
      if (!take(one)) return;
      one.sumAt += 8;
    }
  }
}
