import { copyBytes } from '../memory/copy.ts';
import type { Memslot } from '../memory/memslot.ts';
import { ENCODING } from './encodings.ts';
import { FRAME, type FrameMemory, HEADER_BYTES, sealFrame } from './frame.ts';
import { ENCODING_SHIFT, FIXED_BYTES, padded } from './pages.ts';
import { sumPages } from './sums.ts';
import { clearTally, type OpenTally } from './tally.ts';
import type { StagedPages } from './xbzrle.ts';

/** Counts staged pages by encoding, with the bytes that they take on the link. */
export function countStaged(tally: OpenTally, staged: StagedPages, pageSize: number): void {
  clearTally(tally);
  for (let i = 0; i < staged.count; i++) tally.pages[staged.kinds[i]!]!++;
  tally.bytes[ENCODING.raw] = tally.pages[ENCODING.raw]! * pageSize;
  tally.bytes[ENCODING.xbzrle] = staged.blockBytes;
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
  const differing = countOf(staged, ENCODING.xbzrle);
  const sums = hasSums ? raw + differing + countOf(staged, ENCODING.same) : 0;
  const sumsAt = runsAt + 8 * runs;
  const controlBytes = FIXED_BYTES + 8 * (runs + sums) + 4 * differing;
  const payloadOffset = padded(HEADER_BYTES + controlBytes);
  const payloadAt = at + payloadOffset;
  let to = payloadAt;
  let sumAt = sumsAt;
  for (let i = 0; i < staged.count; i++) {
    if (staged.kinds[i] !== ENCODING.raw) continue;
    copyBytes(bytes, to, pageAt(staged, i, pageSize));
    to += pageSize;
  }
  if (hasSums) {
    sumPages(memory, payloadAt, pageSize, raw, sumsAt);
    sumAt += 8 * raw;
  }
  let lengthAt = sumsAt + 8 * sums;
  for (let i = 0; i < staged.count; i++) {
    const kind = staged.kinds[i]!;
    if (kind !== ENCODING.xbzrle && kind !== ENCODING.same) continue;
    if (hasSums) {
      // The page lies for its sum where the blocks will be.
      copyBytes(bytes, to, pageAt(staged, i, pageSize));
      sumPages(memory, to, pageSize, 1, sumAt);
      sumAt += 8;
    }
    if (kind === ENCODING.same) continue;
    view.setUint32(lengthAt, staged.lengths[i]!, true);
    lengthAt += 4;
  }
  copyBytes(bytes, to, staged.blocks.subarray(0, staged.blockBytes));
  view.setUint32(at + HEADER_BYTES, index, true);
  view.setUint32(at + HEADER_BYTES + 4, pageSize, true);
  view.setUint32(at + HEADER_BYTES + 8, runs, true);
  view.setUint32(at + HEADER_BYTES + 12, sums, true);
  const length = to + staged.blockBytes - at;
  sealFrame(memory, at, { type: FRAME.pages, sequence, controlBytes, payloadOffset, length });
  return length;
}

const pageAt = ({ bytes }: StagedPages, index: number, pageSize: number): Uint8Array =>
  bytes.subarray(index * pageSize, (index + 1) * pageSize);

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
