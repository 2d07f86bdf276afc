import { copyBytes } from '../memory/copy.ts';
import type { Memslot } from '../memory/memslot.ts';
import { COMPRESSORS } from './compressors/registry.ts';
import { ENCODING, hasOwnBlock } from './encodings.ts';
import { FRAME, type FrameMemory, HEADER_BYTES, sealFrame } from './frame.ts';
import { ENCODING_SHIFT, FIXED_BYTES, padded } from './pages.ts';
import { sumPages } from './sums.ts';
import { clearTally, type OpenTally } from './tally.ts';
import { type StagedPages, stagedAt } from './staged-pages.ts';

/** Counts staged pages by encoding, with the bytes that they take on the link. */
export function countStaged(tally: OpenTally, staged: StagedPages, pageSize: number): void {
  clearTally(tally);
  for (let i = 0; i < staged.count; i++) tally.pages[staged.kinds[i]!]!++;
  tally.bytes[ENCODING.raw] = tally.pages[ENCODING.raw]! * pageSize;
  let block = 0;
  for (let i = 0; i < staged.count; i++) {
    const kind = staged.kinds[i]!;
    if (hasOwnBlock(kind)) tally.bytes[kind]! += staged.own.lengths[block++]!;
  }
  for (const name of COMPRESSORS) {
    if (tally.pages[ENCODING[name]]! > 0) tally.bytes[ENCODING[name]] = staged.packed.used;
  }
}

/** Where a frame is written: to byte `at` of a memory. */
export interface FramePlace {
  readonly memory: FrameMemory;
  readonly at: number;
  readonly sequence: number;
}

/** Writes a page frame of staged pages, which pages.ts describes, into a room; returns its length. */
export function writeStaged(
  slot: Memslot,
  staged: StagedPages,
  { memory, at, sequence }: FramePlace,
  hasSums: boolean,
): number {
  const { view, bytes } = memory;
  const { pageSize, index } = slot.layout;
  const runsAt = at + HEADER_BYTES + FIXED_BYTES;
  const runs = writeRuns(staged, view, runsAt);
  const raw = countOf(staged, ENCODING.raw);
  const zero = countOf(staged, ENCODING.zero);
  const sums = hasSums ? staged.count - zero : 0;
  const sumsAt = runsAt + 8 * runs;
  const { own, packed } = staged;
  const controlBytes = FIXED_BYTES + 8 * (runs + sums) + 4 * (own.count + packed.count);
  const payloadOffset = padded(HEADER_BYTES + controlBytes);
  const payloadAt = at + payloadOffset;
  let to = payloadAt;
  for (let i = 0; i < staged.count; i++) {
    if (staged.kinds[i] !== ENCODING.raw) continue;
    copyBytes(bytes, to, stagedAt(staged, i, pageSize));
    to += pageSize;
  }
  if (hasSums) {
    sumPages(memory, payloadAt, pageSize, raw, sumsAt);
    sumKept(staged, { memory, at: to }, pageSize, sumsAt + 8 * raw);
  }
  let lengthAt = sumsAt + 8 * sums;
  for (const { lengths, count, bytes: blocks, used } of [own, packed]) {
    for (let i = 0; i < count; i++, lengthAt += 4) view.setUint32(lengthAt, lengths[i]!, true);
    copyBytes(bytes, to, blocks.subarray(0, used));
    to += used;
  }
  view.setUint32(at + HEADER_BYTES, index, true);
  view.setUint32(at + HEADER_BYTES + 4, pageSize, true);
  view.setUint32(at + HEADER_BYTES + 8, runs, true);
  view.setUint32(at + HEADER_BYTES + 12, sums, true);
  const length = to - at;
  sealFrame(memory, at, { type: FRAME.pages, sequence, controlBytes, payloadOffset, length });
  return length;
}

/** Writes the sums of the pages that are sent as blocks, in their order; each page lies at `at` of the memory for that. */
function sumKept(
  staged: StagedPages,
  { memory, at }: Pick<FramePlace, 'memory' | 'at'>,
  pageSize: number,
  sumsAt: number,
): void {
  let sumAt = sumsAt;
  for (let i = 0; i < staged.count; i++) {
    const kind = staged.kinds[i]!;
    if (kind === ENCODING.raw || kind === ENCODING.zero) continue;
    copyBytes(memory.bytes, at, stagedAt(staged, i, pageSize));
    sumPages(memory, at, pageSize, 1, sumAt);
    sumAt += 8;
  }
}

function countOf({ kinds, count }: StagedPages, kind: number): number {
  let found = 0;
  for (let i = 0; i < count; i++) if (kinds[i] === kind) found++;
  return found;
}

/** Writes the runs of pages of one encoding to byte `out`, and returns their number. */
function writeRuns({ pages, kinds, count }: StagedPages, view: DataView, out: number): number {
  let at = out;
  for (let from = 0; from < count;) {
    let to = from + 1;
    while (to < count && kinds[to] === kinds[from] && pages[to] === pages[to - 1]! + 1) to++;
    view.setUint32(at, pages[from]!, true);
    view.setUint32(at + 4, ((kinds[from]! << ENCODING_SHIFT) | (to - from)) >>> 0, true);
    at += 8;
    from = to;
  }
  return (at - out) / 8;
}
