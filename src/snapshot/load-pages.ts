import { ACCESS_BATCH } from '../memory/kernels/abi.ts';
import { accessListAt } from '../memory/layout.ts';
import type { Memslot } from '../memory/memslot.ts';
import { SnapshotError } from './file-port.ts';
import type { SnapshotChain, SnapshotFile } from './reader.ts';

/** The most bytes that are read at once. */
const READ_BYTES = 2 * 1024 * 1024;
/** An access list holds the sums of so many pages, and 64 bytes for the kernel. */
const SCRATCH_BYTES = 64;
const CHECKED_PAGES = (ACCESS_BATCH * 4 - SCRATCH_BYTES) / 8;

export interface LoadOptions {
  /** The number of the access list of the slot that the call may overwrite; no vCPU may run that uses it. */
  readonly list: number;
  /** Whether the slot's RAM is zero, so that zero pages need no touch. */
  readonly isFresh: boolean;
}

/**
 * Reads pages of a snapshot straight into a slot of the guest, clears those that are zero, and checks every sum. Throws
 * SnapshotError.
 */
export function loadPages(
  chain: SnapshotChain,
  slot: Memslot,
  firstPage: number,
  pages: number,
  { list, isFresh }: LoadOptions,
): void {
  const { firstGfn, pageSize, ramOffset } = slot.layout;
  const end = firstGfn + firstPage + pages;
  const most = Math.max(1, READ_BYTES / pageSize);
  for (let gfn = firstGfn + firstPage; gfn < end;) {
    const file = chain.fileOf(gfn);
    const to = chain.endOfRun(gfn, Math.min(end, gfn + most));
    const page = gfn - firstGfn;
    if (file) {
      file.read(gfn, to - gfn, slot.ram, page * pageSize);
      checkSums(file, slot, gfn, to, list);
    } else if (!isFresh) {
      slot.kernels.clearPages(ramOffset + page * pageSize, pageSize, to - gfn);
    }
    gfn = to;
  }
}

function checkSums(
  file: SnapshotFile,
  slot: Memslot,
  from: number,
  to: number,
  list: number,
): void {
  const { firstGfn, pageSize, ramOffset } = slot.layout;
  const sumsAt = accessListAt(slot.layout, list);
  const scratch = sumsAt + ACCESS_BATCH * 4 - SCRATCH_BYTES;
  for (let gfn = from; gfn < to; gfn += CHECKED_PAGES) {
    const count = Math.min(CHECKED_PAGES, to - gfn);
    slot.words.set(file.table.sums.subarray(2 * gfn, 2 * (gfn + count)), sumsAt >>> 2);
    const at = ramOffset + (gfn - firstGfn) * pageSize;
    const wrong = slot.kernels.firstWrongHash(at, pageSize, count, sumsAt, scratch);
    if (wrong < 0) continue;
    throw new SnapshotError(`${file.path} is damaged: the checksum of page ${gfn + wrong} differs`);
  }
}
